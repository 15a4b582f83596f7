import type { Reading } from '../domain/reading.ts'
import type { ReadingColumns, ReadingStore, RejectedColumn } from './reading-store.ts'

type Lists = { key: Pick<Reading, 'deviceId' | 'channel' | 'quantity'> } & Record<keyof Columns, number[]>
type Columns = Omit<ReadingColumns, 'deviceId' | 'channel' | 'quantity'>

/** Gathers readings, as they come, into columns of their series. */
export function gatherHistory() {
  const devices = new Map<string, Map<string, Map<string, Lists>>>()
  let lists: Lists[] = []
  let last: Lists | undefined
  let count = 0

  function listsOf({ deviceId, channel, quantity }: Reading): Lists {
    if (last?.key.deviceId === deviceId && last.key.channel === channel && last.key.quantity === quantity) return last
    const ofChannel = putIfAbsent(putIfAbsent(devices, deviceId), channel)
    last = ofChannel.get(quantity)
    if (last === undefined) {
      last = { key: { deviceId, channel, quantity }, observedAt: [], receivedAt: [], seqs: [], values: [] }
      ofChannel.set(quantity, last)
      lists.push(last)
    }
    return last
  }

  return {
    count: () => count,
    add(reading: Reading): void {
      const { observedAt, receivedAt, seqs, values } = listsOf(reading)
      observedAt.push(reading.observedAt)
      receivedAt.push(reading.receivedAt)
      seqs.push(reading.seq)
      values.push(reading.value)
      count++
    },
    /** What was gathered, series by series in the order in which each came first; it is empty again then. */
    take(): ReadingColumns[] {
      const history: ReadingColumns[] = []
      for (const { key, ...columns } of lists) {
        const before = history.at(-1)
        const values = Float64Array.from(columns.values)
        const shared = before !== undefined && areTogether(before, columns) ? before : toArrays(columns)
        history.push({ ...shared, ...key, values })
      }
      devices.clear()
      lists = []
      last = undefined
      count = 0
      return history
    },
  }
}

function putIfAbsent<Value>(map: Map<string, Map<string, Value>>, key: string): Map<string, Value> {
  const found = map.get(key) ?? new Map<string, Value>()
  map.set(key, found)
  return found
}

function toArrays({ observedAt, receivedAt, seqs }: Omit<Lists, 'key'>) {
  return {
    observedAt: Float64Array.from(observedAt),
    receivedAt: Float64Array.from(receivedAt),
    seqs: Float64Array.from(seqs),
  }
}

function areTogether(before: ReadingColumns, lists: Omit<Lists, 'key'>): boolean {
  const isSame = (name: 'observedAt' | 'receivedAt' | 'seqs') =>
    before[name].length === lists[name].length && lists[name].every((each, i) => each === before[name][i])
  return isSame('observedAt') && isSame('receivedAt') && isSame('seqs')
}

/** Writes history to any store, in columns where it takes them. Throws what the store throws. */
export async function layHistory(store: ReadingStore, history: readonly ReadingColumns[]) {
  if (store.lay !== undefined) return await store.lay(history)
  const { rejected } = await store.write(listReadings(history))
  return { rejected: placeRejected(history, rejected) }
}

/** The readings of a history, series after series. */
export function listReadings(history: readonly ReadingColumns[]): Reading[] {
  return history.flatMap(({ deviceId, channel, quantity, observedAt, receivedAt, seqs, values }) =>
    Array.from(values, (value, i) => {
      const [observed, received, seq] = [observedAt[i]!, receivedAt[i]!, seqs[i]!]
      return { deviceId, channel, quantity, value, observedAt: observed, receivedAt: received, seq }
    }),
  )
}

/** Where in a history those of its readings stand that were rejected, which are told in ascending order. */
export function placeRejected(
  history: readonly ReadingColumns[],
  rejected: readonly { index: number; reason: string }[],
): RejectedColumn[] {
  let series = 0
  let begin = 0
  return rejected.map(({ index, reason }) => {
    while (index >= begin + history[series]!.values.length) begin += history[series++]!.values.length
    return { series, index: index - begin, reason }
  })
}
