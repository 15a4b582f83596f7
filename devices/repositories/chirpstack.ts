import { existsSync } from 'node:fs'
import { basename, join } from 'node:path'
import { parse as parseToml } from 'smol-toml'
import {
  collectProblems,
  type Evaluate,
  type Layout,
  listFiles,
  listFolders,
  type PublishedCodec,
  type PublishedExample,
  type PublishedModel,
  type PublishedVendor,
  readText,
  toIdPart,
  toInput,
  toScript,
} from './published.ts'

type VendorFile = { vendor?: { name?: string } }
type DeviceFile = {
  device?: { name?: string; description?: string; firmware?: { version?: string; codec?: string }[] }
}

/**
 * ChirpStack's device profiles: `vendors/<vendor>/vendor.toml`, `devices/*.toml` with the codec of each firmware, and
 * `codecs/` with `<codec>.js`, `test_decode_<codec>.json` and `test_encode_<codec>.json`. The tests are JavaScript rather
 * than JSON, since ChirpStack runs them so: they may hold comments, hexadecimal numbers and dates.
 */
export const chirpstackLayout: Layout = {
  id: 'chirpstack',
  find(folder) {
    for (const base of [join(folder, 'vendors'), folder])
      if (listFolders(base).some((name) => existsSync(join(base, name, 'vendor.toml')))) return base
    return existsSync(join(folder, 'vendor.toml')) ? folder : null
  },
  list: (base) =>
    existsSync(join(base, 'vendor.toml'))
      ? ['']
      : listFolders(base).filter((name) => existsSync(join(base, name, 'vendor.toml'))),
  read: readVendor,
}

async function readVendor(base: string, folderName: string, evaluate: Evaluate): Promise<PublishedVendor> {
  const folder = join(base, folderName)
  const vendor = basename(folder)
  const { problems, attempt } = collectProblems(vendor)
  const about = attempt('vendor.toml', () => parseToml(readText(folder, 'vendor.toml')) as VendorFile)
  const codecs = new Map<string, PublishedCodec>()
  for (const file of listFiles(join(folder, 'codecs'))) {
    if (!file.endsWith('.js')) continue
    const script = attempt(`codecs/${file}`, () => toScript(readText(folder, 'codecs', file)))
    if (script === null) continue
    const examples: PublishedExample[] = []
    for (const way of ['decode', 'encode'] as const) {
      const tests = `codecs/test_${way}_${file}on`
      const text = existsSync(join(folder, tests)) ? attempt(tests, () => readText(folder, tests)) : null
      if (text === null) continue
      const told = await evaluate(text)
      examples.push(...(attempt(tests, () => toExamples(told, way)) ?? []))
    }
    codecs.set(file, {
      name: `${vendor}/codecs/${file}`,
      sources: { decodeUplink: script, encodeDownlink: script, decodeDownlink: script, normalizeUplink: script },
      isBare: false,
      examples,
    })
  }
  const models: PublishedModel[] = []
  for (const file of listFiles(join(folder, 'devices'))) {
    if (!file.endsWith('.toml')) continue
    const read = attempt(`devices/${file}`, () => parseToml(readText(folder, 'devices', file)) as DeviceFile)
    const taken = new Set<string>()
    for (const { version, codec: name } of [...(read?.device?.firmware ?? [])].reverse()) {
      const codec = name === undefined ? undefined : codecs.get(name)
      if (codec === undefined || taken.has(name!)) continue
      const suffix = taken.size === 0 ? '' : `-${toIdPart(version ?? String(taken.size))}`
      taken.add(name!)
      models.push({
        id: `chirpstack-${toIdPart(vendor)}-${toIdPart(file.slice(0, -5))}${suffix}`,
        label: `${read?.device?.name ?? file.slice(0, -5)}${suffix === '' ? '' : ` (${version})`}`,
        description: read?.device?.description ?? '',
        codec,
      })
    }
  }
  return { vendor, name: about?.vendor?.name ?? vendor, codecs: [...codecs.values()], models, problems }
}

function toExamples(tests: unknown, way: 'decode' | 'encode'): PublishedExample[] {
  if (tests instanceof Error) throw tests
  if (!Array.isArray(tests)) throw new Error('the tests are no list')
  return tests.map(({ name, input, expected }: { name?: unknown; input?: unknown; expected?: unknown }) => ({
    name: String(name ?? ''),
    operation: way === 'decode' ? 'decodeUplink' : 'encodeDownlink',
    input: toInput(input),
    expected,
  }))
}
