import { decode, type TagDecoder } from 'cborg'
import { addFault, type FaultList } from '../../fault-list.ts'

/** RFC 8428, table 4: the integer labels of the CBOR form. */
const labels: ReadonlyMap<number, string> = new Map([
  [-1, 'bver'],
  [-2, 'bn'],
  [-3, 'bt'],
  [-4, 'bu'],
  [-5, 'bv'],
  [-6, 'bs'],
  [0, 'n'],
  [1, 'u'],
  [2, 'v'],
  [3, 'vs'],
  [4, 'vb'],
  [5, 's'],
  [6, 't'],
  [7, 'ut'],
  [8, 'vd'],
])

const maxDepth = 8

/** The value of a CBOR pack with the names of its JSON form, or undefined with a fault. */
export function parseCborPack(payload: Uint8Array, faults: FaultList): unknown {
  try {
    return nameLabels(decode(payload, { useMaps: true, allowIndefinite: true, tags: { 4: decodeDecimal } }), maxDepth)
  } catch (error) {
    addFault(faults, 'not_cbor', { error: (error as Error).message })
    return undefined
  }
}

// RFC 8949, 3.4.4: [exponent, mantissa] of ten, which RFC 8428 allows for any number.
const decodeDecimal: TagDecoder = (decodeContent) => {
  const pair: unknown = decodeContent()
  if (!Array.isArray(pair) || pair.length !== 2) throw new Error('a decimal fraction has two parts')
  // Read as text, so that 221e-1 is 22.1 and nothing else.
  return Number(`${pair[1]}e${pair[0]}`)
}

function nameLabels(value: unknown, depth: number): unknown {
  if (depth === 0) throw new Error('it nests too deep')
  if (Array.isArray(value)) return value.map((each) => nameLabels(each, depth - 1))
  if (typeof value === 'bigint') return Number(value)
  if (!(value instanceof Map)) return value
  const named: Record<string, unknown> = Object.create(null)
  for (const [key, each] of value)
    named[typeof key === 'number' ? (labels.get(key) ?? `${key}_`) : String(key)] = nameLabels(each, depth - 1)
  return named
}
