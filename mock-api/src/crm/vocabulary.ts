/** Where customers live. City, country and area code belong together, so a customer who moves gets all three. */
export const PLACES = [
  { city: 'Berlin', country: 'Germany', areaCode: '030' },
  { city: 'München', country: 'Germany', areaCode: '089' },
  { city: 'Köln', country: 'Germany', areaCode: '0221' },
  { city: 'Wien', country: 'Austria', areaCode: '01' },
  { city: 'Zürich', country: 'Switzerland', areaCode: '044' },
  { city: 'Amsterdam', country: 'Netherlands', areaCode: '020' },
  { city: "'s-Hertogenbosch", country: 'Netherlands', areaCode: '073' },
  { city: 'København', country: 'Denmark', areaCode: '33' },
  { city: 'Malmö', country: 'Sweden', areaCode: '040' },
  { city: 'Łódź', country: 'Poland', areaCode: '42' },
  { city: 'London', country: 'United Kingdom', areaCode: '020' },
  { city: 'Leeds', country: 'United Kingdom', areaCode: '0113' },
  { city: 'Paris', country: 'France', areaCode: '01' },
  { city: "L'Haÿ-les-Roses", country: 'France', areaCode: '01' },
  { city: 'Barcelona', country: 'Spain', areaCode: '93' },
  { city: 'A Coruña', country: 'Spain', areaCode: '981' },
  { city: 'Milano', country: 'Italy', areaCode: '02' },
  { city: 'Lisboa', country: 'Portugal', areaCode: '21' },
  { city: 'Αθήνα', country: 'Greece', areaCode: '21' },
  { city: 'İstanbul', country: 'Türkiye', areaCode: '0212' },
  { city: 'São Paulo', country: 'Brazil', areaCode: '011' },
  { city: '大阪市', country: 'Japan', areaCode: '06' },
  { city: 'Washington, D.C.', country: 'United States', areaCode: '202' },
  { city: 'Portland', country: 'United States', areaCode: '503' },
] as const;

export const SEGMENTS = ['consumer', 'business', 'enterprise'] as const;

export const WAREHOUSES = ['Hamburg', 'Rotterdam', 'Leipzig', 'Lyon'] as const;

/** Names as people really write them. Each breaks a careless CSV writer, shell or byte count. */
export const AWKWARD_NAMES = [
  "Siobhán O'Brien-Nguyễn",
  'Smith, John "Jack"',
  'Jürgen Größmann, Dr.',
  'Zoë 🌻 van der Meer',
  'François d’Arçy',
] as const;

export const AWKWARD_COMPANIES = [
  'Müller, Söhne & Co. KG',
  'The "Quoted" Company, Inc.',
  "O'Leary; Daughters | Partners",
  'Rocket 🚀 Café',
  '株式会社サンプル',
] as const;

export const AWKWARD_ITEMS = [
  'Monitor 27", curved',
  "Children's Mug 🐻",
  'Käsemesser „Alpen“, 2 Stück',
  'Cable; 3 m / 10 ft',
  'T-Shirt "C\'est la vie", größe L',
] as const;
