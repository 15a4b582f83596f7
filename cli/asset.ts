import { type AssetFilter, addAsset, listAssets } from '../inventory/assets.ts'
import { importAssets } from '../inventory/import-assets.ts'
import type { Progress } from '../inventory/import-file.ts'
import {
  type Command,
  formatColumns,
  neededOption,
  numberOption,
  type OptionValues,
  pageOptionConfig,
  pageOptions,
  pageOptionTexts,
  textOption,
} from './command.ts'
import { importOptions, readImport, readImportOptions } from './device.ts'

/** Options that say which assets. */
export const assetFilterOptions = {
  options: {
    kind: { type: 'string' },
    service: { type: 'string' },
    district: { type: 'string' },
    q: { type: 'string' },
  },
  optionTexts: {
    kind: { fr: 'type', en: 'kind' },
    service: { fr: 'service responsable', en: 'service in charge' },
    district: { fr: 'quartier', en: 'district' },
    q: { fr: 'mots cherchés', en: 'words looked for' },
  },
} as const satisfies Pick<Command, 'options' | 'optionTexts'>

/** The assets that these options ask for. */
export function assetFilter(values: OptionValues): AssetFilter {
  return {
    kind: textOption(values, 'kind'),
    service: textOption(values, 'service'),
    district: textOption(values, 'district'),
    q: textOption(values, 'q'),
  }
}

export const assetCommands: Record<string, Command> = {
  'asset add': {
    usage:
      'asset add <id> --kind k --label l [--lat y --lon x] [--number n] [--address a] [--district d] [--commune c] [--service s] [--parent id]',
    summary: { fr: 'Inscrit un équipement à l’inventaire', en: 'Adds an asset to the inventory' },
    words: 1,
    options: {
      kind: { type: 'string' },
      label: { type: 'string' },
      lat: { type: 'string' },
      lon: { type: 'string' },
      number: { type: 'string' },
      address: { type: 'string' },
      district: { type: 'string' },
      commune: { type: 'string' },
      service: { type: 'string' },
      parent: { type: 'string' },
    },
    optionTexts: {
      kind: { fr: 'type, comme waste_container', en: 'kind, such as waste_container' },
      label: { fr: 'nom pour les personnes', en: 'name for people' },
      lat: { fr: 'latitude en degrés', en: 'latitude in degrees' },
      lon: { fr: 'longitude en degrés', en: 'longitude in degrees' },
      number: { fr: 'numéro d’inventaire', en: 'inventory number' },
      address: { fr: 'adresse', en: 'address' },
      district: { fr: 'quartier', en: 'district' },
      commune: { fr: 'commune', en: 'commune' },
      service: { fr: 'service responsable', en: 'service in charge' },
      parent: { fr: 'équipement qui porte celui-ci', en: 'asset that carries this one' },
    },
    async run({ access, print }, [id], values) {
      const asset = await addAsset(await access(), {
        id: id!,
        kind: neededOption(values, 'kind'),
        label: neededOption(values, 'label'),
        latitude: numberOption(values, 'lat'),
        longitude: numberOption(values, 'lon'),
        inventoryNumber: textOption(values, 'number'),
        address: textOption(values, 'address'),
        district: textOption(values, 'district'),
        commune: textOption(values, 'commune'),
        service: textOption(values, 'service'),
        parentId: textOption(values, 'parent'),
      })
      print(asset, `${asset.id}  ${asset.kind}  ${asset.label}`)
    },
  },
  'asset list': {
    usage: 'asset list [--kind k] [--service s] [--district d] [--q words] [--limit n] [--cursor c]',
    summary: { fr: 'Liste les équipements', en: 'Lists the assets' },
    words: 0,
    options: { ...assetFilterOptions.options, ...pageOptionConfig },
    optionTexts: { ...assetFilterOptions.optionTexts, ...pageOptionTexts },
    async run({ access, print }, _, values) {
      const page = await listAssets(await access(), { ...pageOptions(values), ...assetFilter(values) })
      print(page, formatColumns(page.items.map((each) => [each.id, each.kind, each.lifeCycle, each.label])))
    },
  },
  'asset import': {
    usage: 'asset import <file.csv> [--dry-run] [--mapping profile] [--allow-changes]',
    summary: {
      fr: 'Inscrit les équipements d’un fichier CSV, tous ou aucun, et modifie ceux qui existent si on le permet',
      en: 'Adds the assets of a CSV file, all or none, and changes those that exist if it may',
    },
    words: 1,
    options: { ...importOptions().options, 'allow-changes': { type: 'boolean' } },
    optionTexts: {
      ...importOptions().optionTexts,
      'allow-changes': { fr: 'modifie ce qui existe déjà', en: 'changes what exists already' },
    },
    async run({ access, print, progress, language }, [file], values) {
      const opened = await access()
      const outcome = await importAssets(opened, await readImport(file!), {
        ...(await readImportOptions(opened, values)),
        allowChanges: values['allow-changes'] === true,
        progress: tellSometimes(progress),
      })
      const { created, changed, unchanged, installed, changes, devices, importId } = outcome
      const changeLines = changes.map(({ line, id, fields }) => [line, id, JSON.stringify(fields)])
      const summary = {
        fr: `${created} équipements créés, ${changed} modifiés, ${unchanged} inchangés, ${installed} poses`,
        en: `${created} assets created, ${changed} changed, ${unchanged} unchanged, ${installed} installations`,
      }[language]
      const undo = importId === null ? '' : `parvis import undo ${importId}`
      const secrets = formatColumns(devices.map((each) => [each.id, each.secret]))
      print(outcome, [formatColumns(changeLines), secrets, summary, undo].filter((text) => text !== '').join('\n'))
    },
  },
}

const tellEveryMs = 1000

/** Tells progress about once a second. */
function tellSometimes(progress: (text: string) => void): Progress {
  let toldAt = Date.now()
  return (phase, done, total) => {
    if (Date.now() - toldAt < tellEveryMs) return
    toldAt = Date.now()
    progress(`${phase} ${done}/${total}`)
  }
}
