import { models } from '../devices/catalogue.ts'
import { assetLifeCycles } from '../domain/asset.ts'
import { assetKindNames, assetKinds } from '../domain/asset-kind.ts'
import type { Mapping } from './import-mapping.ts'
import { foldText } from './search.ts'

/** How the columns of a file are called elsewhere, by the field that they are likely to be. */
const columnNames: Readonly<Record<string, readonly string[]>> = {
  id: ['id', 'identifiant', 'code', 'reference', 'ref', 'matricule', 'deveui', 'identifier'],
  kind: ['kind', 'type', 'nature', 'categorie', 'type d equipement', 'famille', 'category'],
  label: ['label', 'libelle', 'nom', 'designation', 'intitule', 'name'],
  inventoryNumber: ['inventorynumber', 'numero d inventaire', 'n inventaire', 'no inventaire', 'inventaire'],
  latitude: ['latitude', 'lat', 'y'],
  longitude: ['longitude', 'lon', 'lng', 'long', 'x'],
  address: ['address', 'adresse', 'rue', 'voie', 'localisation', 'emplacement'],
  district: ['district', 'quartier', 'secteur'],
  commune: ['commune', 'ville', 'municipality', 'city'],
  service: ['service', 'direction', 'service gestionnaire', 'gestionnaire'],
  parentId: ['parentid', 'parent', 'identifiant du parent'],
  lifeCycle: ['lifecycle', 'cycle de vie', 'statut', 'etat', 'status'],
  condition: ['condition', 'etat physique', 'vetuste'],
  acquiredOn: ['acquiredon', 'date d acquisition', 'date d achat', 'acquis le'],
  commissionedOn: ['commissionedon', 'date de mise en service', 'mise en service', 'mis en service le'],
  warrantyUntil: ['warrantyuntil', 'fin de garantie', 'garantie'],
  disposedOn: ['disposedon', 'date de sortie', 'sorti le'],
  deviceId: ['deviceid', 'capteur', 'appareil', 'identifiant du capteur', 'sonde', 'device', 'sensor'],
  deviceModel: ['devicemodel', 'modele du capteur', 'modele de capteur', 'modele'],
  model: ['model', 'modele', 'modele de capteur', 'type'],
  expectedIntervalS: ['expectedintervals', 'intervalle', 'interval', 'periode s'],
  secret: ['secret', 'mot de passe', 'password', 'cle'],
  assetId: ['assetid', 'equipement', 'identifiant de l equipement', 'asset'],
  channel: ['channel', 'voie', 'canal'],
  installedAt: ['installedat', 'pose le', 'date de pose', 'installe le', 'date d installation'],
}

const lifeCycleNames: Readonly<Record<string, string>> = {
  prevu: 'planned',
  'en service': 'in_service',
  'en stock': 'stored',
  'hors service': 'out_of_service',
  sorti: 'disposed',
  'mis au rebut': 'disposed',
}

/** What the values of a field may be, where they are listed; null for a free text. */
export function listOptions(field: string): string[] | null {
  if (field === 'kind') return [...assetKindNames]
  if (field === 'lifeCycle') return [...assetLifeCycles]
  if (field === 'condition') return ['new', 'good', 'fair', 'poor', 'unusable']
  return null
}

/**
 * How a file is most likely to be read: columns by their names, values of lists by theirs. What is not recognised is
 * left out, for a person to say.
 */
export function suggestMapping(
  columns: readonly { name: string; values: readonly string[] }[],
  fields: readonly string[],
): Required<Pick<Mapping, 'columns' | 'values'>> {
  const found: Record<string, string> = {}
  const values: Record<string, Record<string, string>> = {}
  const free = new Map(columns.map((column) => [fold(column.name), column]))
  for (const field of fields) {
    const name = [field, ...(columnNames[field] ?? [])].map(fold).find((each) => free.has(each))
    if (name === undefined) continue
    const column = free.get(name)!
    free.delete(name)
    found[field] = column.name
    const replaced = suggestValues(field, column.values)
    if (Object.keys(replaced).length > 0) values[field] = replaced
  }
  for (const { name } of free.values()) if (name.startsWith('attributes.')) found[name] = name
  return { columns: found, values }
}

function suggestValues(field: string, values: readonly string[]): Record<string, string> {
  const options = listOptions(field)
  const known = new Map<string, string>()
  if (field === 'kind')
    for (const kind of assetKindNames)
      for (const label of Object.values(assetKinds[kind].label)) known.set(fold(label), kind)
  if (field === 'lifeCycle') for (const [name, value] of Object.entries(lifeCycleNames)) known.set(name, value)
  if (field === 'model' || field === 'deviceModel')
    for (const { id, label } of models.values()) for (const each of Object.values(label)) known.set(fold(each), id)
  const replaced: Record<string, string> = {}
  for (const value of values) {
    const meant = options?.includes(value) === true ? undefined : known.get(fold(value))
    if (meant !== undefined && meant !== value) replaced[value] = meant
  }
  return replaced
}

function fold(text: string): string {
  return foldText(text)
    .replace(/[^\p{L}\p{N}.]+/gu, ' ')
    .trim()
}
