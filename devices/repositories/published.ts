import { createHash } from 'node:crypto'
import { existsSync, lstatSync, readdirSync, readFileSync, realpathSync, statSync } from 'node:fs'
import { join, resolve, sep } from 'node:path'
import { CORE_SCHEMA, load, mergeTag } from 'js-yaml'
import { type Operation, type Script, scriptLimits } from '../scripts/sandbox.ts'

/** One published example: what goes in, what should come out, and of which codec (TS013's word: routine). */
export type PublishedExample = { name: string; operation: Operation; input: Record<string, unknown>; expected: unknown }

/** The source of a codec's functions, which may stand in different files; and how it wants to be called. */
export type PublishedCodec = {
  /** Where it stands in the repository, for people. */
  name: string
  sources: Partial<Record<Operation, Script>>
  /** Its functions get `data` itself instead of `{data}` when they encode (ThingPark's own signature). */
  isBare: boolean
  examples: PublishedExample[]
}

/** A device as its vendor publishes it. */
export type PublishedModel = { id: string; label: string; description: string; codec: PublishedCodec }

/** A vendor's part of a repository. `problems` are files that could not be read. */
export type PublishedVendor = {
  vendor: string
  name: string
  codecs: PublishedCodec[]
  models: PublishedModel[]
  problems: { file: string; error: string }[]
}

/** A repository's layout: how it is recognised, and how its vendors are read, one at a time. */
export type Layout = {
  id: 'ttn' | 'chirpstack' | 'actility'
  /** The folder that the vendors stand in, or null when this is not such a repository. */
  find(folder: string): string | null
  /** The vendors' folders. */
  list(base: string): string[]
  read(base: string, vendor: string, evaluate: Evaluate): Promise<PublishedVendor>
}

/** The value of a JavaScript expression out of a repository, worked out where codecs run; an Error when there is none. */
export type Evaluate = (expression: string) => Promise<unknown>

/** Reads files that may be missing or wrong: what cannot be read is null, and noted among the problems. */
export function collectProblems(vendor: string) {
  const problems: PublishedVendor['problems'] = []
  const attempt = <Result>(file: string, read: () => Result): Result | null => {
    try {
      return read()
    } catch (error) {
      problems.push({ file: `${vendor}/${file}`, error: (error as Error).message.split('\n')[0]! })
      return null
    }
  }
  return { problems, attempt }
}

const maxFileBytes = 16 << 20

/** Reads a text file that must stand under `root`, links followed. Throws when it does not, or is too large. */
export function readText(root: string, ...path: string[]): string {
  const file = resolve(root, ...path)
  const real = realpathSync(file)
  const inside = realpathSync(root)
  if (real !== inside && !real.startsWith(inside + sep)) throw new Error('it stands outside of the folder')
  if (statSync(real).size > maxFileBytes) throw new Error(`it is larger than ${maxFileBytes >> 20} MiB`)
  // A byte order mark is no part of a text.
  return readFileSync(real, 'utf8').replace(/^\uFEFF/, '')
}

const yamlSchema = CORE_SCHEMA.withTags(mergeTag)

/** YAML 1.2 with merge keys: 0x1F is a number, dates stay texts. */
export function parseYaml(text: string): unknown {
  return load(text, { schema: yamlSchema, json: true } as Parameters<typeof load>[1])
}

/** Sub-folders, by name; links are not followed. */
export function listFolders(folder: string): string[] {
  if (!existsSync(folder)) return []
  return readdirSync(folder)
    .filter((name) => !name.startsWith('.') && name !== 'node_modules' && lstatSync(join(folder, name)).isDirectory())
    .sort()
}

/** Files of a folder, by name. */
export function listFiles(folder: string): string[] {
  if (!existsSync(folder)) return []
  return readdirSync(folder)
    .filter((name) => lstatSync(join(folder, name)).isFile())
    .sort()
}

/** A script under the name of its content: equal sources are one. */
export function toScript(source: string): Script {
  if (source.length > scriptLimits.sourceChars) throw new Error('the source is too large')
  return { id: createHash('sha256').update(source).digest('hex').slice(0, 32), source }
}

/**
 * Bytes as examples write them: an array of numbers, or hexadecimal with or without spaces; null for anything else. A
 * typed array or Buffer that went through JSON is taken too.
 */
export function toBytes(value: unknown): number[] | null {
  if (typeof value === 'string') {
    const hex = value.replace(/^0x/i, '').replace(/[\s:-]/g, '')
    return /^([0-9a-f]{2})*$/i.test(hex) ? [...Buffer.from(hex, 'hex')] : null
  }
  if (Array.isArray(value)) return value.map(Number)
  if (typeof value !== 'object' || value === null) return null
  const { type, data } = value as { type?: unknown; data?: unknown }
  if (type === 'Buffer' && Array.isArray(data)) return data.map(Number)
  const keys = Object.keys(value)
  return keys.length > 0 && keys.every((key, i) => key === String(i)) ? Object.values(value).map(Number) : null
}

/** An example's input, with its bytes as numbers. */
export function toInput(input: unknown): Record<string, unknown> {
  const given = typeof input === 'object' && input !== null ? (input as Record<string, unknown>) : {}
  const bytes = toBytes(given.bytes)
  return bytes === null ? given : { ...given, bytes }
}

/** A name as a part of a model's id. */
export function toIdPart(name: string): string {
  return name
    .normalize('NFKD')
    .toLowerCase()
    .replace(/[^a-z0-9.]+/g, '-')
    .replace(/^-+|-+$/g, '')
}
