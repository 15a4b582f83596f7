/**
 * The windows that readings are folded into. A `fixed` window has a length in milliseconds and starts at a multiple of
 * it since the Unix epoch, in UTC. A `civil` one is a day or month of a wall clock: a day of March may have 23 hours.
 */
export type Window = { kind: 'fixed'; ms: number } | { kind: 'civil'; unit: 'day' | 'month'; zone: string }
