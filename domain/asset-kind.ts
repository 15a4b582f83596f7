import { z } from 'zod'
import { say, tellIssue } from './issue.ts'
import type { Label } from './quantity.ts'

/** One attribute of a kind. Units stand last in its name; a choice lists what it may be. */
export type AttributeDefinition = { label: Label } & (
  | { type: 'text'; pattern?: RegExp; expects?: Label }
  | { type: 'number'; min: number; max: number; unit?: string; integer?: true }
  | { type: 'boolean' }
  | { type: 'date' }
  | { type: 'choice'; choices: Readonly<Record<string, Label>> }
)

/** A kind of inventoried object. */
export type AssetKindDefinition = { label: Label; attributes: Readonly<Record<string, AttributeDefinition>> }

const text = (fr: string, en: string) => ({ type: 'text', label: { fr, en } }) as const
const yesOrNo = (fr: string, en: string) => ({ type: 'boolean', label: { fr, en } }) as const
const date = (fr: string, en: string) => ({ type: 'date', label: { fr, en } }) as const
const number = (fr: string, en: string, unit: string, max: number) =>
  ({ type: 'number', min: 0, max, unit, label: { fr, en } }) as const
const whole = (fr: string, en: string, max: number) =>
  ({ type: 'number', min: 0, max, integer: true, label: { fr, en } }) as const
const choice = <Choices extends Record<string, Label>>(fr: string, en: string, choices: Choices) =>
  ({ type: 'choice', choices, label: { fr, en } }) as const

// A meter's point at the network operator: PRM of Enedis, PCE of GRDF. Both have fourteen characters.
const deliveryPoint = (fr: string, en: string, pattern: RegExp) =>
  ({ type: 'text', pattern, expects: { fr: '14 caractères', en: '14 characters' }, label: { fr, en } }) as const

const height = number('Hauteur (m)', 'Height (m)', 'm', 200)
const surface = number('Surface (m²)', 'Floor area (m²)', 'm2', 1e6)
const material = text('Matériau', 'Material')
const seats = whole('Places', 'Seats', 100_000)
const sealedUntil = date('Échéance du contrôle métrologique', 'Metrological check due')
const diameter = whole('Diamètre nominal (mm)', 'Nominal diameter (mm)', 2000)
const volumeMeter = {
  diameterMm: diameter,
  rolloverM3: number('Retour à zéro à (m³)', 'Rolls over at (m³)', 'm3', 1e12),
  maxFlowM3PerH: number('Débit maximal (m³/h)', 'Highest flow (m³/h)', 'm3/h', 1e6),
  sealedUntil,
} as const

/** What an asset of any kind may carry. */
const commonAttributes = {
  manufacturer: text('Fabricant', 'Manufacturer'),
  modelReference: text('Référence du modèle', 'Model reference'),
  serialNumber: text('Numéro de série', 'Serial number'),
} as const satisfies AssetKindDefinition['attributes']

const definitions = {
  waste_container: {
    label: { fr: 'Conteneur à déchets', en: 'Waste container' },
    attributes: {
      volumeL: number('Volume (L)', 'Volume (L)', 'L', 50_000),
      wasteStream: choice('Flux', 'Waste stream', {
        residual: { fr: 'Ordures ménagères', en: 'Residual' },
        packaging: { fr: 'Emballages', en: 'Packaging' },
        glass: { fr: 'Verre', en: 'Glass' },
        paper: { fr: 'Papier', en: 'Paper' },
        biowaste: { fr: 'Biodéchets', en: 'Biowaste' },
        textile: { fr: 'Textile', en: 'Textile' },
      }),
      buried: yesOrNo('Enterré', 'Underground'),
    },
  },
  street_light: {
    label: { fr: 'Luminaire', en: 'Street light' },
    attributes: {
      lanternPowerW: number('Puissance de la lanterne (W)', 'Lantern power (W)', 'W', 5000),
      lamp: choice('Source', 'Lamp', {
        led: { fr: 'LED', en: 'LED' },
        sodium: { fr: 'Sodium', en: 'Sodium' },
        metal_halide: { fr: 'Iodures métalliques', en: 'Metal halide' },
        mercury: { fr: 'Mercure', en: 'Mercury' },
        other: { fr: 'Autre', en: 'Other' },
      }),
      heightM: height,
      colourTemperatureK: whole('Température de couleur (K)', 'Colour temperature (K)', 20_000),
    },
  },
  energy_meter: {
    label: { fr: 'Compteur électrique', en: 'Energy meter' },
    attributes: {
      prm: deliveryPoint('Point de livraison (PRM)', 'Delivery point (PRM)', /^\d{14}$/),
      subscribedPowerKva: number('Puissance souscrite (kVA)', 'Subscribed power (kVA)', 'kVA', 1e6),
      maxPowerW: number('Puissance maximale (W)', 'Highest power (W)', 'W', 1e9),
      rolloverWh: number('Retour à zéro à (Wh)', 'Rolls over at (Wh)', 'Wh', 1e15),
      sealedUntil,
    },
  },
  water_meter: { label: { fr: 'Compteur d’eau', en: 'Water meter' }, attributes: volumeMeter },
  gas_meter: {
    label: { fr: 'Compteur de gaz', en: 'Gas meter' },
    attributes: {
      pce: deliveryPoint('Point de comptage (PCE)', 'Delivery point (PCE)', /^[A-Z0-9]{14}$/),
      ...volumeMeter,
    },
  },
  heat_meter: {
    label: { fr: 'Compteur de chaleur', en: 'Heat meter' },
    attributes: {
      maxPowerW: number('Puissance maximale (W)', 'Highest power (W)', 'W', 1e9),
      rolloverWh: number('Retour à zéro à (Wh)', 'Rolls over at (Wh)', 'Wh', 1e15),
      sealedUntil,
    },
  },
  classroom: {
    label: { fr: 'Salle de classe', en: 'Classroom' },
    attributes: { surfaceM2: surface, seats, level: text('Niveau', 'Level') },
  },
  room: {
    label: { fr: 'Local', en: 'Room' },
    attributes: { surfaceM2: surface, seats, floor: text('Étage', 'Floor') },
  },
  building: {
    label: { fr: 'Bâtiment', en: 'Building' },
    attributes: {
      surfaceM2: surface,
      builtYear: whole('Année de construction', 'Year of construction', 2200),
      floors: whole('Étages', 'Floors', 200),
      capacity: whole('Effectif admissible', 'Capacity', 1_000_000),
    },
  },
  cabinet: {
    label: { fr: 'Armoire', en: 'Cabinet' },
    attributes: {
      circuits: whole('Départs', 'Circuits', 1000),
      subscribedPowerKva: number('Puissance souscrite (kVA)', 'Subscribed power (kVA)', 'kVA', 1e6),
    },
  },
  parking_bay: {
    label: { fr: 'Place de stationnement', en: 'Parking bay' },
    attributes: {
      use: choice('Usage', 'Use', {
        general: { fr: 'Ordinaire', en: 'General' },
        disabled: { fr: 'PMR', en: 'Disabled' },
        delivery: { fr: 'Livraison', en: 'Delivery' },
        charging: { fr: 'Recharge', en: 'Charging' },
        motorcycle: { fr: 'Deux-roues', en: 'Motorcycle' },
      }),
      paying: yesOrNo('Payante', 'Paying'),
    },
  },
  bench: { label: { fr: 'Banc', en: 'Bench' }, attributes: { seats, material } },
  shelter: {
    label: { fr: 'Abri', en: 'Shelter' },
    attributes: { seats, material, lit: yesOrNo('Éclairé', 'Lit'), stop: text('Arrêt', 'Stop') },
  },
  bollard: {
    label: { fr: 'Borne', en: 'Bollard' },
    attributes: { retractable: yesOrNo('Escamotable', 'Retractable'), material, heightM: height },
  },
  fountain: {
    label: { fr: 'Fontaine', en: 'Fountain' },
    attributes: {
      drinking: yesOrNo('Eau potable', 'Drinking water'),
      volumeL: number('Volume (L)', 'Volume (L)', 'L', 1e7),
    },
  },
  vehicle: {
    label: { fr: 'Véhicule', en: 'Vehicle' },
    attributes: {
      plate: text('Immatriculation', 'Number plate'),
      firstRegisteredOn: date('Première mise en circulation', 'First registration'),
      fuel: choice('Énergie', 'Fuel', {
        diesel: { fr: 'Gazole', en: 'Diesel' },
        petrol: { fr: 'Essence', en: 'Petrol' },
        electric: { fr: 'Électricité', en: 'Electric' },
        hybrid: { fr: 'Hybride', en: 'Hybrid' },
        gas: { fr: 'Gaz', en: 'Gas' },
        hydrogen: { fr: 'Hydrogène', en: 'Hydrogen' },
      }),
      grossWeightKg: number('PTAC (kg)', 'Gross weight (kg)', 'kg', 100_000),
    },
  },
  traffic_signal: {
    label: { fr: 'Feu de circulation', en: 'Traffic signal' },
    attributes: { heads: whole('Feux', 'Heads', 50), acoustic: yesOrNo('Sonore', 'Acoustic') },
  },
  sign: {
    label: { fr: 'Panneau', en: 'Sign' },
    attributes: { code: text('Code du panneau', 'Sign code'), heightM: height },
  },
  charging_point: {
    label: { fr: 'Point de recharge', en: 'Charging point' },
    attributes: {
      maxPowerW: number('Puissance maximale (W)', 'Highest power (W)', 'W', 1e7),
      evseId: text('Identifiant EVSE', 'EVSE id'),
      sockets: whole('Prises', 'Sockets', 100),
    },
  },
  bicycle_rack: {
    label: { fr: 'Arceau à vélos', en: 'Bicycle rack' },
    attributes: { places: whole('Places', 'Places', 10_000), material },
  },
  playground: {
    label: { fr: 'Aire de jeux', en: 'Playground' },
    attributes: { surfaceM2: surface, inspectedOn: date('Dernier contrôle', 'Last inspection') },
  },
  tree: {
    label: { fr: 'Arbre', en: 'Tree' },
    attributes: {
      species: text('Essence', 'Species'),
      plantedYear: whole('Année de plantation', 'Year planted', 2200),
      heightM: height,
    },
  },
  measuring_point: { label: { fr: 'Point de mesure', en: 'Measuring point' }, attributes: { heightM: height } },
  other: { label: { fr: 'Autre équipement', en: 'Other equipment' }, attributes: {} },
} as const satisfies Record<string, AssetKindDefinition>

export type AssetKind = keyof typeof definitions

/** Every kind of inventoried object, by name, with its attributes. Adding one is adding a row. */
export const assetKinds: Readonly<Record<AssetKind, AssetKindDefinition>> = definitions

/** The names, in the table's order. */
export const assetKindNames = Object.keys(assetKinds) as [AssetKind, ...AssetKind[]]

/** Whether a name from outside is an asset kind; `constructor` and `__proto__` are not. */
export function isAssetKind(name: string): name is AssetKind {
  return Object.hasOwn(assetKinds, name)
}

/** The attributes that Parvis knows of a kind, those of every kind included. */
export function attributesOf(kind: AssetKind): Readonly<Record<string, AttributeDefinition>> {
  return allAttributes[kind]!
}

const allAttributes: Readonly<Record<string, AssetKindDefinition['attributes']>> = Object.fromEntries(
  assetKindNames.map((kind) => [kind, { ...assetKinds[kind].attributes, ...commonAttributes }]),
)

/** Most attributes that one asset may carry. */
export const maxAttributes = 64

/** What an attribute may hold; null takes it away. */
export const attributeValueSchema = z.union([z.string().max(1000), z.number(), z.boolean(), z.null()])
export type AttributeValue = z.infer<typeof attributeValueSchema>

/** What is wrong with the attributes of one asset. */
export type AttributeIssue = { name: string; message: Label }

/**
 * What is wrong with an asset's attributes. Those of its kind are held to what the table says; others are the town's own
 * and kept as they are, unless they are one of the kind's but for case and signs: `volume_l` for `volumeL` is a slip.
 */
export function checkAttributes(kind: AssetKind, attributes: Readonly<Record<string, unknown>>): AttributeIssue[] {
  const issues: AttributeIssue[] = []
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null) continue
    const definition = Object.hasOwn(attributesOf(kind), name) ? attributesOf(kind)[name] : undefined
    if (definition === undefined) {
      const meant = slips.get(`${kind} ${foldName(name)}`)
      if (meant !== undefined)
        issues.push({ name, message: { fr: `l’attribut s’appelle ${meant}`, en: `the attribute is called ${meant}` } })
      continue
    }
    const parsed = schemaOf(definition).safeParse(value, { reportInput: true })
    if (!parsed.success) issues.push({ name, message: tellIssue(parsed.error.issues[0]!) })
  }
  return issues
}

const foldName = (name: string) => name.toLowerCase().replace(/[^a-z0-9]/g, '')
const slips = new Map(
  assetKindNames.flatMap((kind) => Object.keys(attributesOf(kind)).map((name) => [`${kind} ${foldName(name)}`, name])),
)

const schemas = new WeakMap<AttributeDefinition, z.ZodType>()

function schemaOf(definition: AttributeDefinition): z.ZodType {
  let schema = schemas.get(definition)
  if (schema === undefined) {
    schema = makeSchema(definition)
    schemas.set(definition, schema)
  }
  return schema
}

function makeSchema(definition: AttributeDefinition): z.ZodType {
  switch (definition.type) {
    case 'boolean':
      return z.boolean({ error: say({ fr: 'vrai ou faux : true ou false', en: 'expected true or false' }) })
    case 'date':
      return z.iso.date({ error: say({ fr: 'une date comme 2026-03-31', en: 'expected a date such as 2026-03-31' }) })
    case 'choice': {
      const names = Object.keys(definition.choices)
      return z.enum(names, {
        error: say({ fr: `choisissez parmi ${names.join(', ')}`, en: `expected one of ${names.join(', ')}` }),
      })
    }
    case 'number': {
      const { min, max, integer } = definition
      const error = say({
        fr: `${integer ? 'un nombre entier' : 'un nombre'} de ${min} à ${max}`,
        en: `expected ${integer ? 'a whole number' : 'a number'} from ${min} to ${max}`,
      })
      const schema = z.number({ error }).min(min, { error }).max(max, { error })
      return integer ? schema.refine(Number.isInteger, { error }) : schema
    }
    case 'text': {
      const { pattern, expects } = definition
      const error = say({ fr: 'un texte', en: 'expected a text' })
      const schema = z.string({ error }).min(1, { error }).max(200)
      return pattern === undefined
        ? schema
        : schema.regex(pattern, {
            error: say({ fr: expects?.fr ?? pattern.source, en: `expected ${expects?.en ?? pattern.source}` }),
          })
    }
  }
}
