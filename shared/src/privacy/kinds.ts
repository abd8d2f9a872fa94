/** What a column may hold of people, in the words of a report, and how columns with it are called in English, German, French, Spanish and Italian. */
interface PersonalKindTable {
  readonly [kind: string]: {
    readonly words: string;
    /** Names of columns that say it, without what belongs to the letters alone: `first name` stands for `firstName` and `first_name` too. */
    readonly called: readonly string[];
  };
}

export const PERSONAL_KINDS = {
  name: {
    words: 'names of people',
    called: words(
      'full name, first name, last name, middle name, given name, family name, surname, forename, maiden name, nickname, contact name, contact person, customer name, patient name, employee name, author name, username, user name',
      'vorname, nachname, familienname, geburtsname, zuname, rufname, ansprechpartner, benutzername, kundenname, patientenname',
      'prenom, nom complet, nom de famille, nom client, nom patient, nom utilisateur, nom usage',
      'nombre completo, primer nombre, segundo nombre, apellido, apellidos, nombre cliente, nombre usuario, nombre y apellidos',
      'nome completo, cognome, nominativo, nome cliente, nome utente, nome e cognome',
    ),
  },
  email: {
    words: 'e-mail addresses',
    called: words(
      'email, e mail, mail, email address, mail address, emailadresse, courriel, adresse email, adresse mail, correo, correo electronico, posta elettronica, indirizzo email',
    ),
  },
  phone: {
    words: 'phone numbers',
    called: words(
      'phone, phone number, telephone, mobile, mobile number, mobile phone, cell, cell phone, cellphone, tel, whatsapp, home phone, work phone',
      'telefon, telefonnummer, handy, handynummer, mobil, mobilnummer, rufnummer, festnetz',
      'numero de telephone, telephone portable, tel mobile, telefono, numero de telefono, movil, telefono movil, cellulare, numero di telefono, telefono cellulare',
    ),
  },
  fax: {
    words: 'fax numbers',
    called: words('fax, fax number, faxnummer, telefax, numero de fax, numero fax, telecopie, telecopieur'),
  },
  address: {
    words: 'street addresses',
    called: words(
      'street, street address, address, address line, address line 1, address line 2, home address, shipping address, billing address, delivery address, house number',
      'strasse, anschrift, adresse, hausnummer, wohnort, lieferadresse, rechnungsadresse, strasse hausnummer',
      'rue, adresse postale, adresse de livraison, adresse de facturation, calle, direccion, domicilio, direccion de envio, via, indirizzo, residenza, indirizzo di spedizione',
    ),
  },
  place: {
    words: 'places smaller than a state',
    called: words(
      'city, town, district, county, suburb, ort, stadt, gemeinde, stadtteil, landkreis, ville, commune, quartier, ciudad, localidad, municipio, barrio, poblacion, citta, comune, quartiere, birthplace, birth place, place of birth, geburtsort, lieu de naissance, lugar de nacimiento, luogo di nascita',
    ),
  },
  postcode: {
    words: 'postal codes',
    called: words(
      'zip, zip code, zipcode, postcode, post code, postal code, postalcode, plz, postleitzahl, code postal, codigo postal, cap, codice postale',
    ),
  },
  coordinates: {
    words: 'coordinates',
    called: words(
      'lat, latitude, lon, lng, long, longitude, geo, geolocation, location, coordinates, gps, position, breitengrad, laengengrad, latitud, longitud, latitudine, longitudine, coordonnees, coordenadas, coordinate',
    ),
  },
  birthdate: {
    words: 'dates of birth',
    called: words(
      'birthday, birth date, birthdate, date of birth, dob, born, born on, geburtsdatum, geburtstag, geboren, geboren am, date de naissance, naissance, ne le, fecha de nacimiento, nacimiento, data di nascita, nascita',
    ),
  },
  age: { words: 'ages', called: words('age, alter, lebensalter, edad, eta, age ans') },
  deathdate: {
    words: 'other dates of a person',
    called: words(
      'death date, date of death, deceased on, admission date, discharge date, admitted at, discharged at, hired at, hire date, sterbedatum, todestag, aufnahmedatum, entlassungsdatum, einstellungsdatum, date de deces, date admission, date de sortie, date embauche, fecha de defuncion, fecha de ingreso, fecha de alta, data di morte, data di ricovero, data di dimissione, data di assunzione',
    ),
  },
  iban: { words: 'IBANs', called: words('iban, kontoverbindung') },
  card: {
    words: 'numbers of payment cards',
    called: words(
      'card number, credit card, credit card number, cc number, pan, kreditkarte, kreditkartennummer, kartennummer, carte bancaire, numero de carte, carte de credit, tarjeta, numero de tarjeta, tarjeta de credito, carta di credito, numero carta, numero di carta',
    ),
  },
  account: {
    words: 'account numbers',
    called: words(
      'account number, bank account, account no, kontonummer, kundennummer, customer number, numero de compte, numero client, numero de cuenta, cuenta bancaria, numero cliente, numero di conto, conto corrente',
    ),
  },
  nationalId: {
    words: 'national ids, tax and social security numbers',
    called: words(
      'ssn, social security, social security number, national id, national insurance number, nino, tax id, tin, passport, passport number, id card',
      'steuer id, steuernummer, steueridentifikationsnummer, sozialversicherungsnummer, rentenversicherungsnummer, ausweisnummer, personalausweis, passnummer, reisepass',
      'nir, insee, numero insee, securite sociale, numero de securite sociale, numero fiscal, passeport, dni, nie, nif, seguridad social, numero de seguridad social, pasaporte, codice fiscale, passaporto, carta identita',
    ),
  },
  medicalRecord: {
    words: 'numbers of medical records',
    called: words(
      'mrn, medical record, medical record number, patient id, patient number, patientennummer, patienten id, fallnummer, numero de dossier, dossier medical, id patient, historia clinica, numero de historia clinica, cartella clinica, id paziente',
    ),
  },
  healthPlan: {
    words: 'numbers of health plans',
    called: words(
      'health plan, beneficiary number, insurance number, member id, health insurance number, versichertennummer, krankenversichertennummer, krankenkasse, carte vitale, numero assure, mutuelle, tarjeta sanitaria, numero de afiliado, tessera sanitaria',
    ),
  },
  licence: {
    words: 'numbers of certificates and licences',
    called: words(
      'license number, licence number, driver license, drivers license, driving licence, certificate number, fuehrerschein, fuehrerscheinnummer, permis de conduire, numero de permis, permiso de conducir, carnet de conducir, patente di guida, numero patente',
    ),
  },
  vehicle: {
    words: 'numbers of vehicles',
    called: words(
      'vin, license plate, licence plate, plate number, number plate, registration plate, kennzeichen, fahrgestellnummer, fin, plaque immatriculation, immatriculation, matricula, bastidor, targa, numero telaio',
    ),
  },
  device: {
    words: 'ids of devices',
    called: words(
      'imei, imsi, mac, mac address, device id, device serial, serial number, serial no, advertising id, idfa, gaid, android id, geraetenummer, seriennummer, numero de serie, numero di serie',
    ),
  },
  url: {
    words: 'addresses of web pages',
    called: words(
      'website, web site, homepage, profile url, linkedin, twitter, facebook, instagram, webseite, internetseite, site web, sitio web, pagina web, sito web',
    ),
  },
  ip: {
    words: 'IP addresses',
    called: words(
      'ip, ip address, ipaddress, client ip, remote addr, ip adresse, adresse ip, direccion ip, indirizzo ip, last login ip',
    ),
  },
  biometric: {
    words: 'biometric ids',
    called: words(
      'fingerprint, voiceprint, face id, biometric, biometrics, retina, iris, fingerabdruck, biometrie, empreinte digitale, huella digital, huella dactilar, impronta digitale',
    ),
  },
  photo: {
    words: 'photographs',
    called: words(
      'photo, photograph, avatar, picture, profile picture, face image, portrait, foto, lichtbild, profilbild, image profil, imagen de perfil, foto de perfil, foto profilo',
    ),
  },
  otherId: {
    words: 'other numbers that mean one person',
    called: words(
      'person id, employee id, employee number, personnel number, staff id, student id, user id, personalnummer, matrikelnummer, mitarbeiternummer, numero etudiant, matricule, numero empleado, numero de empleado, matricola',
    ),
  },
  text: {
    words: 'free text',
    called: words(
      'note, notes, comment, comments, description, remark, remarks, message, body, memo, bemerkung, bemerkungen, kommentar, notiz, notizen, nachricht, beschreibung, remarque, remarques, commentaire, commentaires, nota, notas, comentario, comentarios, mensaje, observaciones, note interne, commento, commenti, messaggio, osservazioni',
    ),
  },
} as const satisfies PersonalKindTable;

export type PersonalKind = keyof typeof PERSONAL_KINDS;

function words(...lists: readonly string[]): readonly string[] {
  return lists.flatMap((list) => list.split(', '));
}

const KIND_OF = new Map<string, PersonalKind>(
  (Object.keys(PERSONAL_KINDS) as PersonalKind[]).flatMap((kind) =>
    PERSONAL_KINDS[kind].called.map((name) => [name.replaceAll(' ', ''), kind] as const),
  ),
);
/** Words of the longest name that is known. */
const MOST_WORDS = 4;

/** What the name of a column says. */
export interface Called {
  readonly kind: PersonalKind;
  /** Whether all words of the name say it: `via` may be a street, and `ship_via` is none. */
  readonly isWhole: boolean;
}

/** What a column holds by its name; undefined if that says nothing. `name` alone says nothing: things have names too. */
export function kindByName(column: string): Called | undefined {
  const parts = wordsOf(column);
  // The longest run of words that means something; of as long ones the last, which is what it is: `phone_owner_email` is an address.
  for (let size = Math.min(MOST_WORDS, parts.length); size > 0; size--) {
    for (let from = parts.length - size; from >= 0; from--) {
      const kind = KIND_OF.get(parts.slice(from, from + size).join(''));
      if (kind !== undefined) return { kind, isWhole: size === parts.length };
    }
  }
  return undefined;
}

/** Kinds whose words mean something else within a longer name: `city_code`, `message_body`. */
const ONLY_WHOLE: ReadonlySet<PersonalKind> = new Set([
  'text',
  'place',
  'coordinates',
  'age',
  'url',
  'address',
  'device',
  'otherId',
  'account',
]);

/** What a field that nobody has declared seems to hold, by its name or one value; undefined if it does not look personal. */
export function personalKindOf(field: string, value: unknown): PersonalKind | undefined {
  const called = kindByName(field);
  if (called !== undefined && called.kind !== 'text' && (called.isWhole || !ONLY_WHOLE.has(called.kind)))
    return called.kind;
  return typeof value === 'string' && /^[^\s@]{1,64}@[^\s@]{1,200}\.[a-z]{2,20}$/i.test(value) ? 'email' : undefined;
}

/** `customerEMail`, `customer_e-mail` and `Customer E-Mail` are `customer`, `e`, `mail`; letters without what stands on them, numbers left out. */
export const wordsOf = (column: string): string[] =>
  column
    .replaceAll('ß', 'ss')
    .replaceAll(/[äÄ]/g, (found) => (found === 'ä' ? 'ae' : 'Ae'))
    .replaceAll(/[öÖ]/g, (found) => (found === 'ö' ? 'oe' : 'Oe'))
    .replaceAll(/[üÜ]/g, (found) => (found === 'ü' ? 'ue' : 'Ue'))
    .normalize('NFD')
    .replaceAll(/\p{M}/gu, '')
    .replaceAll(/(\p{Ll})(\p{Lu})/gu, '$1 $2')
    .replaceAll(/(\p{Lu})(\p{Lu}\p{Ll})/gu, '$1 $2')
    .toLowerCase()
    .split(/[^\p{L}]+/u)
    .filter(Boolean);
