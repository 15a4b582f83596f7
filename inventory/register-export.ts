import type { Asset, DeviceDetail } from '../domain/asset.ts'
import { type Installation, toInstallationJson } from '../domain/installation.ts'
import { formatCsvLine } from './csv.ts'
import { readAttribute } from './import-mapping.ts'
import type { Page, PageRequest } from './page.ts'

/*
 * The register as files, a page of a list at a time, however long they are: whoever may see the list may have the file. A
 * file of assets can be imported again as it is, and then changes nothing.
 */

/** One page of a list, such as `listAssets` gives. */
export type ReadPage<Item> = (request: PageRequest) => Promise<Page<Item>>

const itemsPerPage = 500

const assetColumns = [
  'id',
  'kind',
  'label',
  'inventoryNumber',
  'latitude',
  'longitude',
  'address',
  'district',
  'commune',
  'service',
  'parentId',
  'lifeCycle',
  'condition',
  'acquiredOn',
  'commissionedOn',
  'warrantyUntil',
  'disposedOn',
] as const satisfies readonly (keyof Asset)[]

const deviceColumns = [
  'id',
  'model',
  'label',
  'lifeCycle',
  'service',
  'expectedIntervalS',
  'learnedIntervalS',
  'effectiveIntervalS',
  'lastSeenAt',
] as const satisfies readonly (keyof DeviceDetail)[]

const installationColumns = ['id', 'deviceId', 'assetId', 'channel', 'installedAt', 'removedAt', 'recordedAt'] as const

/**
 * Assets as CSV: a column for each attribute that any of them has, `attributes.volumeL`, and `attributes` as JSON for what
 * would not be read back as it is, such as a text of digits.
 */
export async function* writeAssetsCsv(read: ReadPage<Asset>): AsyncGenerator<string> {
  const names = new Set<string>()
  for await (const assets of readPages(read))
    for (const { attributes } of assets)
      for (const [name, value] of Object.entries(attributes)) if (readsBack(value)) names.add(name)
  const attributeNames = [...names].sort()
  yield formatCsvLine([...assetColumns, ...attributeNames.map((name) => `attributes.${name}`), 'attributes'])
  for await (const assets of readPages(read)) {
    let lines = ''
    for (const asset of assets) {
      const { attributes } = asset
      const others = Object.entries(attributes).filter(([, value]) => !readsBack(value))
      lines += formatCsvLine([
        ...assetColumns.map((name) => asset[name]),
        ...attributeNames.map((name) => {
          const value = attributes[name]
          return value !== undefined && readsBack(value) ? value : null
        }),
        others.length === 0 ? null : JSON.stringify(Object.fromEntries(others)),
      ])
    }
    yield lines
  }
}

/** Assets as a GeoJSON feature collection (RFC 7946); the geometry of those without a position is null (section 3.2). */
export async function* writeAssetsGeojson(read: ReadPage<Asset>): AsyncGenerator<string> {
  yield '{"type":"FeatureCollection","features":['
  let separator = '\n'
  for await (const assets of readPages(read)) {
    let text = ''
    for (const { latitude, longitude, attributes, ...properties } of assets) {
      const named = Object.entries(attributes).map(([name, value]) => [`attributes.${name}`, value])
      const feature = {
        type: 'Feature',
        id: properties.id,
        geometry: latitude === null ? null : { type: 'Point', coordinates: [longitude, latitude] },
        properties: { ...properties, ...Object.fromEntries(named) },
      }
      text += `${separator}${JSON.stringify(feature)}`
      separator = ',\n'
    }
    yield text
  }
  yield '\n]}\n'
}

/** Devices as CSV, without their secrets, which nobody knows. */
export async function* writeDevicesCsv(read: ReadPage<DeviceDetail>): AsyncGenerator<string> {
  yield formatCsvLine(deviceColumns)
  for await (const devices of readPages(read))
    yield devices.map((device) => formatCsvLine(deviceColumns.map((name) => device[name]))).join('')
}

/** Installations as CSV, the calibration as JSON. */
export async function* writeInstallationsCsv(read: ReadPage<Installation>): AsyncGenerator<string> {
  yield formatCsvLine([...installationColumns, 'calibration'])
  for await (const installations of readPages(read)) {
    let lines = ''
    for (const { calibration, ...rest } of installations) {
      const told = toInstallationJson({ ...rest, calibration })
      const cells = installationColumns.map((name) => told[name])
      lines += formatCsvLine([...cells, calibration === null ? null : JSON.stringify(calibration)])
    }
    yield lines
  }
}

async function* readPages<Item>(read: ReadPage<Item>): AsyncGenerator<readonly Item[]> {
  let cursor: string | undefined
  do {
    const { items, next } = await read({ limit: itemsPerPage, cursor })
    yield items
    cursor = next ?? undefined
  } while (cursor !== undefined)
}

function readsBack(value: Asset['attributes'][string]): boolean {
  const text = String(value)
  return text !== '' && text.trim() === text && readAttribute(text) === value
}
