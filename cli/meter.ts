import { chooseStore } from '../config.ts'
import { indexKinds } from '../domain/consumption.ts'
import { defineQuantity, isQuantity } from '../domain/quantity.ts'
import { formatTime } from '../domain/time.ts'
import { getAsset } from '../inventory/assets.ts'
import { readConsumption } from '../inventory/consumption.ts'
import { addMeterIndex, listMeterIndexes, type MeterIndex } from '../inventory/meter-indexes.ts'
import { loadStore } from '../store/backend.ts'
import { openIngestReader } from '../store/ingest-reader.ts'
import {
  badOption,
  type Command,
  formatColumns,
  missingOption,
  neededOption,
  numberOption,
  textOption,
  timeOption,
  UsageError,
} from './command.ts'

const dayMs = 86_400_000
const windows = ['1h', '1d', '1mo']

export const meterCommands: Record<string, Command> = {
  consumption: {
    usage: 'consumption <assetId> [--quantity q] [--from t] [--to t] [--window 1h|1d|1mo] [--zone z] [--as-known-at t]',
    summary: {
      fr: 'Donne ce qui est passé par les compteurs d’un équipement, avec la part mesurée, estimée et manquante',
      en: 'Tells what went through the meters of an asset, with the share measured, estimated and missing',
    },
    words: 1,
    options: {
      quantity: { type: 'string' },
      from: { type: 'string' },
      to: { type: 'string' },
      window: { type: 'string' },
      zone: { type: 'string' },
      'as-known-at': { type: 'string' },
    },
    optionTexts: {
      quantity: { fr: 'grandeur (energy_active_import)', en: 'quantity (energy_active_import)' },
      from: { fr: 'début ; 30 jours avant la fin par défaut', en: 'beginning; 30 days before the end by default' },
      to: { fr: 'fin ; maintenant par défaut', en: 'end; now by default' },
      window: { fr: '1h, 1d (défaut) ou 1mo, à l’heure civile', en: '1h, 1d (default) or 1mo, by the wall clock' },
      zone: { fr: 'fuseau horaire IANA', en: 'IANA time zone' },
      'as-known-at': { fr: 'tel qu’on le savait alors', en: 'as it was known then' },
    },
    async run({ config, access, print }, [id], values) {
      const quantity = textOption(values, 'quantity') ?? 'energy_active_import'
      if (!isQuantity(quantity)) throw badOption('quantity', quantity, 'water_volume')
      const window = textOption(values, 'window') ?? '1d'
      if (!windows.includes(window)) throw badOption('window', window, windows)
      const to = timeOption(values, 'to') ?? Date.now()
      const from = timeOption(values, 'from') ?? to - 30 * dayMs
      if (from >= to) throw new UsageError({ fr: '--from doit être avant --to', en: '--from has to be before --to' })
      const zone = textOption(values, 'zone') ?? config.PARVIS_TIME_ZONE
      const asKnownAt = timeOption(values, 'as-known-at')
      const opened = await access()
      await getAsset(opened, id!)
      const reader = openIngestReader(config.PARVIS_DATA_DIR, await loadStore(chooseStore(config)))
      const query = { quantity, from, to, window, zone, asKnownAt }
      const { points, meters, notices } = await readConsumption(opened, reader, id!, query).finally(() =>
        reader.close(),
      )
      const { unit } = defineQuantity(quantity)
      const items = points.map((each) => ({ ...each, start: formatTime(each.start), end: formatTime(each.end) }))
      print(
        { quantity, unit, meters, items, notices: notices.map((each) => ({ ...each, time: formatTime(each.time) })) },
        formatColumns(
          items.map(({ start, value, measured, estimated, missing }) => [
            start,
            value,
            unit,
            ...[measured, estimated, missing].map((share) => `${Math.round(share * 100)} %`),
          ]),
        ),
      )
    },
  },
  'index list': {
    usage: 'index list <assetId>',
    summary: { fr: 'Liste les index déclarés d’un compteur', en: 'Lists the indexes of a meter that were declared' },
    words: 1,
    options: {},
    async run({ access, print }, [id]) {
      const opened = await access()
      await getAsset(opened, id!)
      const items = (await listMeterIndexes(opened, [id!], {})).map(tellIndex)
      print(
        { items, next: null },
        formatColumns(items.map((each) => [each.id, each.at, each.quantity, each.kind, each.value, each.note])),
      )
    },
  },
  'index add': {
    usage: 'index add <assetId> --quantity q --kind k --value v [--at t] [--note n] [--corrects id]',
    summary: { fr: 'Déclare un index d’un compteur', en: 'Declares an index of a meter' },
    words: 1,
    options: {
      quantity: { type: 'string' },
      kind: { type: 'string' },
      value: { type: 'string' },
      at: { type: 'string' },
      note: { type: 'string' },
      corrects: { type: 'string' },
    },
    optionTexts: {
      quantity: { fr: 'grandeur, comme energy_active_import', en: 'quantity, such as energy_active_import' },
      kind: { fr: indexKinds.join(', '), en: indexKinds.join(', ') },
      value: { fr: 'index, dans l’unité de la grandeur', en: 'index, in the unit of the quantity' },
      at: { fr: 'date ; maintenant par défaut', en: 'time; now by default' },
      note: { fr: 'remarque', en: 'remark' },
      corrects: { fr: 'index que celui-ci remplace', en: 'index that this one supersedes' },
    },
    async run({ access, print }, [id], values) {
      const kind = neededOption(values, 'kind')
      if (!(indexKinds as readonly string[]).includes(kind)) throw badOption('kind', kind, indexKinds)
      const value = numberOption(values, 'value')
      if (value === undefined) throw missingOption('value')
      const index = tellIndex(
        await addMeterIndex(await access(), id!, {
          quantity: neededOption(values, 'quantity'),
          kind: kind as (typeof indexKinds)[number],
          at: formatTime(timeOption(values, 'at') ?? Date.now()),
          value,
          note: textOption(values, 'note'),
          corrects: textOption(values, 'corrects'),
        }),
      )
      print(index, `${index.id}  ${index.at}  ${index.value}`)
    },
  },
}

function tellIndex({ at, recordedAt, supersededAt, ...rest }: MeterIndex) {
  return {
    ...rest,
    at: formatTime(at),
    recordedAt: formatTime(recordedAt),
    supersededAt: supersededAt === null ? null : formatTime(supersededAt),
  }
}
