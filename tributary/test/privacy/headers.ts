import type { PersonalKind } from '@tributary/shared';

export const LANGUAGES = ['en', 'de', 'fr', 'es', 'it'] as const;
export type Language = (typeof LANGUAGES)[number];

/** What a column of the made set holds: something of people, or something that only looks like it. */
export interface Truth {
  /** Undefined: nothing of people. */
  readonly kind: PersonalKind | undefined;
  /** How it is called, in the order of the languages. */
  readonly called: readonly [en: string, de: string, fr: string, es: string, it: string];
}

/** As people name columns, not as the scan knows them: some of these it does not know. */
export const COLUMNS = {
  given: { kind: 'name', called: ['firstName', 'vorname', 'prenom', 'nombre', 'nome'] },
  family: { kind: 'name', called: ['last_name', 'Nachname', 'nom_famille', 'apellidos', 'cognome'] },
  whole: { kind: 'name', called: ['recipient', 'Empfänger', 'destinataire', 'destinatario', 'intestatario'] },
  email: { kind: 'email', called: ['contactEmail', 'EMail', 'courriel', 'correo_electronico', 'e_mail'] },
  phone: { kind: 'phone', called: ['phone', 'Telefon', 'numTel', 'telefono_movil', 'recapito_telefonico'] },
  street: { kind: 'address', called: ['addr1', 'Straße', 'adresse', 'direccion', 'indirizzo'] },
  city: { kind: 'place', called: ['city', 'Ort', 'ville', 'poblacion', 'citta'] },
  postcode: { kind: 'postcode', called: ['postal_code', 'PLZ', 'codePostal', 'cod_postal', 'cap'] },
  latitude: { kind: 'coordinates', called: ['lat', 'breitengrad', 'latitude', 'latitud', 'latitudine'] },
  place: { kind: 'coordinates', called: ['where', 'Punkt', 'point', 'punto', 'posizione'] },
  born: { kind: 'birthdate', called: ['dob', 'geb_datum', 'date_naissance', 'fecha_nacimiento', 'data_nascita'] },
  iban: { kind: 'iban', called: ['bank', 'IBAN', 'compte', 'cuenta', 'iban'] },
  card: { kind: 'card', called: ['ccnum', 'kreditkarte', 'carte', 'tarjeta', 'carta'] },
  national: { kind: 'nationalId', called: ['ssn', 'SteuerID', 'numero_insee', 'dni', 'codice_fiscale'] },
  ip: { kind: 'ip', called: ['lastSeenFrom', 'ip_adresse', 'ip', 'dirIp', 'indirizzo_ip'] },
  device: { kind: 'device', called: ['mac', 'geraet', 'appareil', 'dispositivo', 'mac_address'] },
  vehicle: { kind: 'vehicle', called: ['vin', 'fahrgestellnummer', 'chassis', 'bastidor', 'telaio'] },
  photo: { kind: 'photo', called: ['avatar', 'profilbild', 'photo', 'foto', 'foto_profilo'] },
  remark: { kind: 'text', called: ['notes', 'bemerkung', 'remarques', 'observaciones', 'note_interne'] },
  record: {
    kind: 'medicalRecord',
    called: ['mrn', 'patientennummer', 'numero_dossier', 'historia_clinica', 'cartella_clinica'],
  },

  product: { kind: undefined, called: ['productName', 'artikel', 'produit', 'producto', 'prodotto'] },
  company: { kind: undefined, called: ['company', 'Firma', 'societe', 'empresa', 'azienda'] },
  sku: { kind: undefined, called: ['sku', 'artikelnummer', 'reference', 'referencia', 'codice_articolo'] },
  order: { kind: undefined, called: ['order_no', 'bestellnummer', 'commande', 'pedido', 'ordine'] },
  ean: { kind: undefined, called: ['ean', 'EAN', 'code_barres', 'codigo_barras', 'codice_a_barre'] },
  price: { kind: undefined, called: ['price', 'preis', 'prix', 'precio', 'prezzo'] },
  currency: { kind: undefined, called: ['currency', 'waehrung', 'devise', 'moneda', 'valuta'] },
  created: { kind: undefined, called: ['created_at', 'erstellt_am', 'cree_le', 'creado', 'creato_il'] },
  due: { kind: undefined, called: ['dueDate', 'faellig', 'echeance', 'vencimiento', 'scadenza'] },
  uuid: { kind: undefined, called: ['uuid', 'vorgang', 'identifiant', 'identificador', 'identificativo'] },
  colour: { kind: undefined, called: ['color', 'farbe', 'couleur', 'color', 'colore'] },
  status: { kind: undefined, called: ['status', 'zustand', 'statut', 'estado', 'stato'] },
  quantity: { kind: undefined, called: ['quantity', 'menge', 'quantite', 'cantidad', 'quantita'] },
  digest: { kind: undefined, called: ['checksum', 'pruefsumme', 'empreinte', 'suma', 'somma'] },
  version: { kind: undefined, called: ['version', 'fassung', 'version', 'version', 'versione'] },
  country: { kind: undefined, called: ['country', 'land', 'pays', 'pais', 'paese'] },
  department: { kind: undefined, called: ['department', 'abteilung', 'rayon', 'departamento', 'reparto'] },
  words: { kind: undefined, called: ['blurb', 'werbetext', 'texte', 'texto', 'testo'] },
  share: { kind: undefined, called: ['share', 'anteil', 'part', 'cuota', 'quota'] },
  active: { kind: undefined, called: ['active', 'aktiv', 'actif', 'activo', 'attivo'] },
  weight: { kind: undefined, called: ['weight_g', 'gewicht', 'poids', 'peso', 'peso_netto'] },
  tracking: { kind: undefined, called: ['tracking', 'sendungsnummer', 'suivi', 'seguimiento', 'tracciamento'] },
} as const satisfies Readonly<Record<string, Truth>>;

export type ColumnName = keyof typeof COLUMNS;
