import type { Reading } from '../../domain/reading.ts'
import type { ReadingColumns } from '../../store/reading-store.ts'
import type { Place } from './asker.ts'

/** A store that is measured. What is not its own work, `prepare`, is not timed. */
export type StoreSubject = {
  name: string
  place: Place
  /** Whose CPU it uses. */
  pids: number[]
  /** A batch as the store takes it. */
  prepare(batch: readonly Reading[]): unknown
  /** Some of what is past, as the store takes it. */
  prepareHistory(history: readonly ReadingColumns[]): unknown
  /** Writes a prepared batch; what it holds is then stored, as far as the store promises that. */
  write(batch: unknown): Promise<void>
  /** What a store has to be told to do now and then, after a batch whose last reading was received then. */
  tidy(receivedAt: number): Promise<void>
  /** Waits until what was written has its lasting form. */
  settle(): Promise<void>
  countBytes(): Promise<number>
  stop(): Promise<void>
}
