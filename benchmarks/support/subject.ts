/** Who publishes: client ids with their secrets. */
export type Credentials = readonly { id: string; secret: string }[]

/** A system that takes messages by MQTT and stores their readings, started over an empty folder. */
export type Subject = {
  mqttPort: number
  credentials: Credentials
  /** The processes that it consists of. */
  pids: readonly number[]
  /** Those of them that are the store's own. */
  storePids?: readonly number[]
  /** Messages that were stored since it started, by a count of its own that costs it next to nothing. */
  countStored(): Promise<number>
  /** Messages found in the store by a query: those whose observedAt is in [from, to), UTC epoch ms. */
  verify(from: number, to: number): Promise<number>
  stop(): Promise<void>
}

/** Starts a subject over an empty folder, for so many clients. */
export type StartSubject = (folder: string, clients: number) => Promise<Subject>
