import { existsSync } from 'node:fs'
import { basename, dirname, join, relative, resolve, sep } from 'node:path'
import {
  collectProblems,
  type Layout,
  listFiles,
  listFolders,
  type PublishedCodec,
  type PublishedExample,
  type PublishedModel,
  type PublishedVendor,
  parseYaml,
  readText,
  toBytes,
  toIdPart,
  toInput,
  toScript,
} from './published.ts'

type Example = {
  type?: string
  description?: string
  input?: unknown
  output?: unknown
  bytes?: unknown
  fPort?: unknown
  time?: unknown
  thing?: unknown
  data?: unknown
}
type DriverFile = { name?: string; description?: string; signature?: string; protocolId?: unknown }
type ModelFile = { name?: string; description?: string; protocolId?: unknown }

const operations = {
  uplink: 'decodeUplink',
  'downlink-decode': 'decodeDownlink',
  'downlink-encode': 'encodeDownlink',
} as const

/** How deep a driver's folder may stand under its vendor's. */
const maxDepth = 4

/**
 * Actility's device catalogue: `vendors/<vendor>/vendor.yaml`, `drivers/<driver>/` with `driver.yaml`, `package.json` (its
 * `main` is the codec) and `examples.json`, `models/<model>/model.yaml`. Also the older layouts, in which a driver is any
 * folder with `package.json` or `metadata.json` and its examples, and these may stand in `examples/*.examples.json`.
 */
export const actilityLayout: Layout = {
  id: 'actility',
  find(folder) {
    for (const base of [join(folder, 'vendors'), folder])
      if (listFolders(base).some((name) => findDrivers(join(base, name)).length > 0)) return base
    return isDriver(folder) ? folder : null
  },
  list: (base) =>
    isDriver(base)
      ? ['']
      : listFolders(base).filter((name) => !name.startsWith('template') && findDrivers(join(base, name)).length > 0),
  read: async (base, name) => readVendor(base, name),
}

function isDriver(folder: string): boolean {
  if (!existsSync(join(folder, 'package.json')) && !existsSync(join(folder, 'metadata.json'))) return false
  return ['driver.yaml', 'examples.json', 'examples'].some((name) => existsSync(join(folder, name)))
}

function findDrivers(folder: string, depth = 0): string[] {
  if (isDriver(folder)) return [folder]
  if (depth === maxDepth) return []
  return listFolders(folder).flatMap((name) => findDrivers(join(folder, name), depth + 1))
}

function readVendor(base: string, name: string): PublishedVendor {
  const folder = join(base, name)
  const vendor = basename(folder)
  const { problems, attempt } = collectProblems(vendor)
  const about = existsSync(join(folder, 'vendor.yaml'))
    ? (attempt('vendor.yaml', () => parseYaml(readText(folder, 'vendor.yaml'))) as { name?: string } | null)
    : null
  const codecs: PublishedCodec[] = []
  const models: PublishedModel[] = []
  const byProtocol = new Map<string, PublishedCodec>()
  for (const driver of findDrivers(folder)) {
    const path = relative(folder, driver) || '.'
    const file = existsSync(join(driver, 'driver.yaml'))
      ? (attempt(`${path}/driver.yaml`, () => parseYaml(readText(driver, 'driver.yaml'))) as DriverFile | null)
      : null
    const codec = attempt(path, () => readDriver(folder, driver, `${vendor}/${path}`, file))
    if (codec === null) continue
    codecs.push(codec)
    const protocol = typeof file?.protocolId === 'string' ? file.protocolId : null
    if (protocol !== null) byProtocol.set(protocol, codec)
    models.push({
      id: `actility-${toIdPart(vendor)}-${toIdPart(basename(driver))}`,
      label: file?.name ?? basename(driver),
      description: file?.description ?? '',
      codec,
    })
  }
  const taken = new Set(models.map(({ id }) => id))
  for (const model of listFolders(join(folder, 'models'))) {
    if (!existsSync(join(folder, 'models', model, 'model.yaml'))) continue
    const file = attempt(`models/${model}`, () =>
      parseYaml(readText(folder, 'models', model, 'model.yaml')),
    ) as ModelFile
    const codec = [file?.protocolId]
      .flat()
      .map((each) => byProtocol.get(String(each)))
      .find((each) => each !== undefined)
    const id = `actility-${toIdPart(vendor)}-${toIdPart(model)}`
    if (codec === undefined || taken.has(id)) continue
    taken.add(id)
    models.push({ id, label: file?.name ?? model, description: file?.description ?? '', codec })
  }
  return { vendor, name: about?.name ?? vendor, codecs, models, problems }
}

function readDriver(root: string, driver: string, name: string, file: DriverFile | null): PublishedCodec | null {
  const main = findMain(driver)
  if (main === null) throw new Error('it has no codec')
  const script = toScript(bundle(root, main))
  const signature = file?.signature ?? ''
  const isOlder = signature === 'ttn' || signature === 'chirpstack'
  return {
    name,
    sources: {
      decodeUplink: script,
      encodeDownlink: script,
      ...(isOlder ? {} : { decodeDownlink: script, normalizeUplink: script }),
    },
    isBare: signature === 'actility' || signature === 'thingpark-x-js',
    examples: readExamples(driver, !isOlder && /\bdecodeDownlink\b/.test(script.source)),
  }
}

function findMain(driver: string): string | null {
  const names: string[] = []
  for (const file of ['package.json', 'metadata.json'])
    if (existsSync(join(driver, file))) {
      const { main } = JSON.parse(readText(driver, file)) as { main?: unknown }
      if (typeof main === 'string') names.push(main, `${main}.js`)
    }
  return (
    [...names, 'index.js', 'main.js']
      .map((name) => join(driver, name))
      .find((path) => /\.[cm]?js$/.test(path) && existsSync(path)) ?? null
  )
}

const requirePattern = /\brequire\(\s*(["'])(\.{1,2}\/[^"']+)\1\s*\)/g

/**
 * A codec's file with the files of its own that it requires, as one script: what a bundler would have made of them. A
 * file that requires none stays as it is.
 */
function bundle(root: string, main: string): string {
  const files = new Map<string, string>()
  const add = (file: string) => {
    if (files.has(file)) return
    files.set(file, '')
    const text = readText(root, relative(root, file))
    if (file.endsWith('.json')) {
      files.set(file, `module.exports = ${text}`)
      return
    }
    files.set(
      file,
      text.replace(requirePattern, (_, _quote: string, path: string) => {
        const target = locate(resolve(dirname(file), path))
        if (target === null || !target.startsWith(root + sep)) return `require(${JSON.stringify(path)})`
        add(target)
        return `__parvisRequire(${JSON.stringify(relative(root, target))})`
      }),
    )
  }
  add(main)
  if (files.size === 1) return stripExports(files.get(main)!)
  const definitions = [...files].map(
    ([file, text]) => `${JSON.stringify(relative(root, file))}: function (module, exports) {\n${text}\n}`,
  )
  return `var __parvisModules = {${definitions.join(',\n')}};
var __parvisLoaded = {};
function __parvisRequire(name) {
  if (__parvisLoaded[name]) return __parvisLoaded[name].exports;
  var module = __parvisLoaded[name] = { exports: {} };
  __parvisModules[name].call(module.exports, module, module.exports);
  return module.exports;
}
module.exports = __parvisRequire(${JSON.stringify(relative(root, main))});
`
}

function locate(path: string): string | null {
  return (
    [path, `${path}.js`, `${path}.json`, join(path, 'index.js')].find(
      (each) => /\.(c?js|json)$/.test(each) && existsSync(each),
    ) ?? null
  )
}

/** An ECMAScript module's exports are plain declarations of a script. */
function stripExports(source: string): string {
  return /^export\s+(default\s+)?(async\s+)?(function|const|let|var|class)\b/m.test(source)
    ? source.replace(/^export\s+(default\s+)?(?=(async\s+)?(function|const|let|var|class)\b)/gm, '')
    : source
}

function readExamples(driver: string, decodesDownlinks: boolean): PublishedExample[] {
  if (existsSync(join(driver, 'examples.json')))
    return (JSON.parse(readText(driver, 'examples.json')) as Example[]).flatMap((each) =>
      toExample(each, decodesDownlinks),
    )
  const folder = join(driver, 'examples')
  return listFiles(folder)
    .filter((file) => file.endsWith('.examples.json'))
    .flatMap((file) => JSON.parse(readText(folder, file)) as Example[])
    .flatMap((each) => toExample(each, decodesDownlinks))
}

// The older examples have input and output side by side, and one downlink stands for both ways.
function toExample(example: Example, decodesDownlinks: boolean): PublishedExample[] {
  const { type = '', description: name = '', bytes, fPort, time, thing, data } = example
  const operation = operations[type as keyof typeof operations]
  if (example.input !== undefined && operation !== undefined)
    return [{ name, operation, input: toInput(example.input), expected: example.output }]
  const input = toInput({ bytes, fPort, time, thing })
  if (type === 'uplink') return [{ name, operation: 'decodeUplink', input, expected: data }]
  if (type !== 'downlink') return []
  const encoded: PublishedExample = {
    name,
    operation: 'encodeDownlink',
    input: { data, fPort },
    expected: { bytes: toBytes(bytes), fPort },
  }
  return decodesDownlinks ? [{ name, operation: 'decodeDownlink', input, expected: data }, encoded] : [encoded]
}
