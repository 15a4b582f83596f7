import { once } from 'node:events'
import { chooseStore } from '../config.ts'
import type { Asset, DeviceDetail } from '../domain/asset.ts'
import type { Reading } from '../domain/reading.ts'
import { formatTime } from '../domain/time.ts'
import { listAssets } from '../inventory/assets.ts'
import { formatCsvLine } from '../inventory/csv.ts'
import { detailDevices } from '../inventory/device-details.ts'
import { listDevices } from '../inventory/devices.ts'
import { listInstallations } from '../inventory/installations.ts'
import {
  type ReadPage,
  writeAssetsCsv,
  writeAssetsGeojson,
  writeDevicesCsv,
  writeInstallationsCsv,
} from '../inventory/register-export.ts'
import { loadStore } from '../store/backend.ts'
import { openIngestReader } from '../store/ingest-reader.ts'
import { assetFilter, assetFilterOptions } from './asset.ts'
import { badOption, type Command, textOption, timeOption } from './command.ts'

/** Text that is gathered before it is written, in characters. */
const chunkLength = 65_536

// The first and last moment that a date can be (ECMAScript, 21.4.1.1).
const beginningOfTime = -8.64e15
const endOfTime = 8.64e15

const formats: Record<string, { head: string; line(reading: Reading): string }> = {
  ndjson: {
    head: '',
    line: ({ deviceId, channel, quantity, value, observedAt }) =>
      `${JSON.stringify({ deviceId, channel, quantity, value, observedAt: formatTime(observedAt) })}\n`,
  },
  csv: {
    head: formatCsvLine(['deviceId', 'channel', 'quantity', 'value', 'observedAt']),
    line: ({ deviceId, channel, quantity, value, observedAt }) =>
      formatCsvLine([deviceId, channel, quantity, value, formatTime(observedAt)]),
  },
}

export const exportCommands: Record<string, Command> = {
  'export assets': {
    usage: 'export assets [--format csv|geojson] [--kind k] [--service s] [--district d] [--q words]',
    summary: {
      fr: 'Écrit les équipements ; un CSV peut être importé à nouveau tel quel',
      en: 'Writes the assets; as CSV they can be imported again as they are',
    },
    words: 0,
    options: { format: { type: 'string' }, ...assetFilterOptions.options },
    optionTexts: {
      format: { fr: 'csv (défaut) ou geojson', en: 'csv (default) or geojson' },
      ...assetFilterOptions.optionTexts,
    },
    async run({ access }, _, values) {
      const format = textOption(values, 'format') ?? 'csv'
      if (format !== 'csv' && format !== 'geojson') throw badOption('format', format, ['csv', 'geojson'])
      const opened = await access()
      const read: ReadPage<Asset> = (page) => listAssets(opened, { ...page, ...assetFilter(values) })
      await writeAll(format === 'csv' ? writeAssetsCsv(read) : writeAssetsGeojson(read))
    },
  },
  'export devices': {
    usage: 'export devices',
    summary: { fr: 'Écrit les appareils, sans leurs secrets', en: 'Writes the devices, without their secrets' },
    words: 0,
    options: {},
    async run({ config, access }) {
      const opened = await access()
      const reader = openIngestReader(config.PARVIS_DATA_DIR)
      const read: ReadPage<DeviceDetail> = async (page) => {
        const { items, next } = await listDevices(opened, page)
        return { items: await detailDevices(opened, reader, items), next }
      }
      await writeAll(writeDevicesCsv(read)).finally(() => reader.close())
    },
  },
  'export installations': {
    usage: 'export installations [--as-known-at t]',
    summary: {
      fr: 'Écrit quel appareil fut sur quel équipement, et quand',
      en: 'Writes which device was on which asset, and when',
    },
    words: 0,
    options: { 'as-known-at': { type: 'string' } },
    optionTexts: { 'as-known-at': { fr: 'tel qu’on le savait alors', en: 'as it was known then' } },
    async run({ access }, _, values) {
      const opened = await access()
      const asKnownAt = timeOption(values, 'as-known-at')
      await writeAll(writeInstallationsCsv((page) => listInstallations(opened, { ...page, asKnownAt })))
    },
  },
  'export readings': {
    usage: 'export readings [--device d] [--from t] [--to t] [--format ndjson|csv]',
    summary: {
      fr: 'Écrit les relevés, un par ligne, tels qu’ils sont conservés',
      en: 'Writes the readings, one a line, exactly as they are stored',
    },
    words: 0,
    options: {
      device: { type: 'string' },
      from: { type: 'string' },
      to: { type: 'string' },
      format: { type: 'string' },
    },
    optionTexts: {
      device: { fr: 'un seul appareil', en: 'one device only' },
      from: { fr: 'début, compris', en: 'beginning, included' },
      to: { fr: 'fin, exclue', en: 'end, excluded' },
      format: {
        fr: 'ndjson (défaut) ou csv ; dans un CSV, un texte qui ressemble à une formule reçoit une apostrophe',
        en: 'ndjson (default) or csv; in CSV a text that looks like a formula gets an apostrophe',
      },
    },
    async run({ config, fail }, _, values) {
      const name = textOption(values, 'format') ?? 'ndjson'
      const format = Object.hasOwn(formats, name) ? formats[name] : undefined
      if (format === undefined) throw badOption('format', name, Object.keys(formats))
      const device = textOption(values, 'device')
      const range = {
        ...(device === undefined ? {} : { devices: [device] }),
        from: timeOption(values, 'from') ?? beginningOfTime,
        to: timeOption(values, 'to') ?? endOfTime,
      }
      // An export that lacks something is no success.
      function onDamage(text: string) {
        process.stderr.write(`${text}\n`)
        fail()
      }
      const reader = openIngestReader(config.PARVIS_DATA_DIR, await loadStore(chooseStore(config)), onDamage)
      try {
        let chunk = format.head
        for await (const reading of reader.readings.scan(range)) {
          chunk += format.line(reading)
          if (chunk.length < chunkLength) continue
          await write(chunk)
          chunk = ''
        }
        await write(chunk)
      } finally {
        reader.close()
      }
    },
  },
}

/** Writes chunks to stdout. */
async function writeAll(chunks: AsyncIterable<string>): Promise<void> {
  for await (const chunk of chunks) await write(chunk)
}

/** Writes to stdout, and waits while whoever reads it is behind. */
async function write(text: string): Promise<void> {
  if (text !== '' && !process.stdout.write(text)) await once(process.stdout, 'drain')
}
