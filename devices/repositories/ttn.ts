import { existsSync } from 'node:fs'
import { basename, join } from 'node:path'
import type { Operation, Script } from '../scripts/sandbox.ts'
import {
  collectProblems,
  type Layout,
  listFiles,
  listFolders,
  type PublishedCodec,
  type PublishedModel,
  type PublishedVendor,
  parseYaml,
  readText,
  toIdPart,
  toInput,
  toScript,
} from './published.ts'

type CodecPart = {
  fileName?: string
  examples?: { description?: string; input?: unknown; output?: unknown; normalizedOutput?: unknown }[]
}
type CodecFile = { uplinkDecoder?: CodecPart; downlinkEncoder?: CodecPart; downlinkDecoder?: CodecPart }
type DeviceFile = {
  name?: string
  description?: string
  firmwareVersions?: { version?: unknown; profiles?: Record<string, { codec?: string } | null> }[]
}

const parts = {
  uplinkDecoder: 'decodeUplink',
  downlinkEncoder: 'encodeDownlink',
  downlinkDecoder: 'decodeDownlink',
} as const

/**
 * TheThingsNetwork/lorawan-devices: `vendor/index.yaml`, `vendor/<vendor>/index.yaml`, `<device>.yaml` with the codec of
 * each firmware and region, `<codec>.yaml` with its files and examples. A copy of some vendors, or of one, will do.
 */
export const ttnLayout: Layout = {
  id: 'ttn',
  find(folder) {
    for (const base of [join(folder, 'vendor'), folder])
      if (listFolders(base).some((name) => isVendor(join(base, name)))) return base
    return isVendor(folder) ? folder : null
  },
  list: (base) => (isVendor(base) ? [''] : listFolders(base).filter((name) => isVendor(join(base, name)))),
  read: async (base, name) => readVendor(base, name),
}

function isVendor(folder: string): boolean {
  return existsSync(join(folder, 'index.yaml')) && /^endDevices:/m.test(readText(folder, 'index.yaml'))
}

function readVendor(base: string, name: string): PublishedVendor {
  const folder = join(base, name)
  const vendor = basename(folder)
  const { problems, attempt } = collectProblems(vendor)
  const index = attempt('index.yaml', () => parseYaml(readText(folder, 'index.yaml'))) as { endDevices?: unknown[] }
  const codecs = new Map<string, PublishedCodec | null>()
  const sources = new Map<string, Script | null>()
  const readSource = (file: string) => {
    if (!sources.has(file))
      sources.set(
        file,
        attempt(file, () => toScript(readText(folder, file))),
      )
    return sources.get(file) ?? null
  }
  const readCodec = (id: string) => {
    if (!codecs.has(id)) {
      const file = attempt(`${id}.yaml`, () => parseYaml(readText(folder, `${id}.yaml`)) as CodecFile | null)
      codecs.set(id, file === null ? null : toCodec(`${vendor}/${id}`, file, readSource))
    }
    return codecs.get(id) ?? null
  }
  const models: PublishedModel[] = []
  for (const device of (index?.endDevices ?? []).map(String)) {
    const file = attempt(`${device}.yaml`, () => parseYaml(readText(folder, `${device}.yaml`)) as DeviceFile | null)
    if (file === null) continue
    // The newest firmware stands last; an older one that needs another codec is a model of its own.
    const taken = new Set<string>()
    for (const { version, profiles } of [...(file.firmwareVersions ?? [])].reverse()) {
      const byRegion = Object.entries(profiles ?? {}).sort(
        ([a], [b]) => Number(b === 'EU863-870') - Number(a === 'EU863-870'),
      )
      for (const [, profile] of byRegion) {
        if (typeof profile?.codec !== 'string' || taken.has(profile.codec)) continue
        const codec = readCodec(profile.codec)
        if (codec === null) continue
        const suffix =
          taken.size === 0 ? '' : `-${taken.size === 1 ? toIdPart(String(version)) : toIdPart(profile.codec)}`
        taken.add(profile.codec)
        models.push({
          id: `ttn-${toIdPart(vendor)}-${toIdPart(device)}${suffix}`,
          label: suffix === '' ? (file.name ?? device) : `${file.name ?? device} (${version})`,
          description: file.description ?? '',
          codec,
        })
      }
    }
  }
  // Codecs that no device names any more are tried as well: they are published.
  for (const file of listFiles(folder))
    if (file.endsWith('.yaml') && !codecs.has(file.slice(0, -5)) && /^uplinkDecoder:/m.test(readText(folder, file)))
      readCodec(file.slice(0, -5))
  return { vendor, name: vendor, codecs: [...codecs.values()].filter((each) => each !== null), models, problems }
}

function toCodec(name: string, file: CodecFile, readSource: (file: string) => Script | null): PublishedCodec {
  const codec: PublishedCodec = { name, sources: {}, isBare: false, examples: [] }
  for (const [part, operation] of Object.entries(parts) as [keyof typeof parts, Operation][]) {
    const given = file[part]
    if (typeof given?.fileName !== 'string') continue
    const script = readSource(given.fileName)
    if (script === null) continue
    codec.sources[operation] = script
    if (part === 'uplinkDecoder') codec.sources.normalizeUplink = script
    for (const example of given.examples ?? []) {
      const title = example.description ?? ''
      codec.examples.push({ name: title, operation, input: toInput(example.input), expected: example.output })
      if (example.normalizedOutput !== undefined)
        codec.examples.push({
          name: title,
          operation: 'normalizeUplink',
          input: { data: (example.output as { data?: unknown })?.data },
          expected: example.normalizedOutput,
        })
    }
  }
  return codec
}
