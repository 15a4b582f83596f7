import { type AssetState, assetStates } from '../domain/asset.ts'
import type { StatusTable } from '../store/registry-tables.ts'
import { keepSignatures } from './text-signatures.ts'

/*
 * Rows of the status table as columns, each row a slot of all of them: what is filtered and sorted by is numbers that lie
 * side by side, so that looking at all takes a millisecond or two, and a row takes half of what an object takes.
 */

const numbers = [
  'latitude',
  'longitude',
  'since',
  'last_seen_at',
  'silent_at',
  'attention_at',
  'battery',
  'proof_at',
] as const
const names = ['kind', 'service', 'district', 'life_cycle', 'state', 'proof', 'attentions'] as const
const texts = ['asset_id', 'label', 'search', 'device_id', 'installation_id'] as const

type NumberColumn = (typeof numbers)[number]
type NameColumn = (typeof names)[number]
type TextColumn = (typeof texts)[number]

export type StatusColumns = ReturnType<typeof openStatusColumns>

/** Names that many rows share, by their numbers. */
function keepNames() {
  const known: (string | null)[] = []
  const codes = new Map<string | null, number>()
  return {
    known,
    codeOf(name: string | null): number {
      const code = codes.get(name)
      if (code !== undefined) return code
      codes.set(name, known.length)
      return known.push(name) - 1
    },
    /** The number of a name, or -1 when no row has it. */
    find: (name: string | null): number => codes.get(name) ?? -1,
  }
}

export function openStatusColumns() {
  let capacity = 1024
  const numberColumns = Object.fromEntries(numbers.map((each) => [each, new Float64Array(capacity)])) as Record<
    NumberColumn,
    Float64Array
  >
  const codeColumns = Object.fromEntries(names.map((each) => [each, new Uint32Array(capacity)])) as Record<
    NameColumn,
    Uint32Array
  >
  const dictionaries = Object.fromEntries(names.map((each) => [each, keepNames()])) as Record<
    NameColumn,
    ReturnType<typeof keepNames>
  >
  const textColumns = Object.fromEntries(texts.map((each) => [each, []])) as unknown as Record<
    TextColumn,
    (string | null)[]
  >
  const signatures = keepSignatures()
  // The numbers of states are those of their order in the vocabulary.
  for (const state of assetStates) dictionaries.state.codeOf(state)

  function grow() {
    capacity *= 2
    for (const name of numbers) numberColumns[name] = enlarge(numberColumns[name], new Float64Array(capacity))
    for (const name of names) codeColumns[name] = enlarge(codeColumns[name], new Uint32Array(capacity))
  }

  return {
    numbers: numberColumns,
    codes: codeColumns,
    names: dictionaries,
    texts: textColumns,
    signatures,
    write(slot: number, row: StatusTable): void {
      while (slot >= capacity) grow()
      for (const name of numbers) numberColumns[name][slot] = row[name] ?? Number.NaN
      for (const name of names) codeColumns[name][slot] = dictionaries[name].codeOf(row[name])
      if (textColumns.search[slot] !== row.search) signatures.set(slot, row.search)
      for (const name of texts) if (textColumns[name][slot] !== row[name]) textColumns[name][slot] = row[name]
    },
    /** Lets go of the texts of a row that is gone. */
    clear(slot: number): void {
      for (const name of texts) textColumns[name][slot] = null
    },
    numberAt(column: NumberColumn, slot: number): number | null {
      const value = numberColumns[column][slot]!
      return Number.isNaN(value) ? null : value
    },
    nameAt: (column: NameColumn, slot: number): string | null =>
      dictionaries[column].known[codeColumns[column][slot]!]!,
    /** The state at a time, as its number: what works is silent, or calls for attention, once its deadline has passed. */
    stateAt(slot: number, now: number): number {
      if (numberColumns.silent_at[slot]! <= now) return silent
      return numberColumns.attention_at[slot]! <= now ? attention : codeColumns.state[slot]!
    },
    /** When that state began. */
    sinceAt(slot: number, now: number): number {
      const { silent_at, attention_at, since } = numberColumns
      if (silent_at[slot]! <= now) return silent_at[slot]!
      return codeColumns.state[slot] === working && attention_at[slot]! <= now ? attention_at[slot]! : since[slot]!
    },
  }
}

const codeOfState = (state: AssetState) => assetStates.indexOf(state)
const silent = codeOfState('silent')
const attention = codeOfState('attention')
const working = codeOfState('working')

function enlarge<Column extends Float64Array | Uint32Array>(column: Column, larger: Column): Column {
  larger.set(column)
  return larger
}
