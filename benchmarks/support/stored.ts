import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { readCpuSeconds } from './cpu.ts'
import { generateLoad } from './generator.ts'
import type { StartSubject, Subject } from './subject.ts'

/*
 * From publish to stored: QoS 1. A message counts when its readings are in the store, which is asked again at the end, by
 * a query, for every one that was acknowledged; `lost` counts those that were not found. CPU is that of all processes of a
 * system, until a second after the last message was stored. Each system starts anew for each repeat, and is warmed up; the
 * systems take turns.
 */

const clients = 200
const inFlight = 10
const settleMs = 1000
// What has stored nothing for so long has lost the rest.
const stuckMs = 10_000
// A load at a rate may be a few messages over.
const spareMs = 10_000
const pollMs = 50

/** So many messages, at a rate a second, or as fast as they are acknowledged, ten of each client in flight. */
export type Load = { name: string; rate?: number; messages: number }

/** Rates are messages a second; `cpuPer100k` is CPU seconds of all processes, `platformCpuPer100k` without the store's. */
export type Figures = {
  storedPerS: number
  acknowledgedPerS: number
  p50Ms: number
  p99Ms: number
  cpuPer100k: number
  platformCpuPer100k: number
  corePercent: number
  lost: number
}

// Every message of the whole benchmark has a time of its own.
let nextTime = Date.now() - 3 * 3_600_000

async function measure(subject: Subject, load: Load): Promise<Figures> {
  const from = nextTime
  nextTime += load.messages + spareMs
  const storedBefore = await subject.countStored()
  const cpuBefore = readCpuSeconds(subject.pids)
  const storeCpuBefore = readCpuSeconds(subject.storePids ?? [])
  const begun = performance.now()
  const perClient = Math.ceil(load.messages / clients)
  const result = generateLoad({
    port: subject.mqttPort,
    credentials: [...subject.credentials],
    inFlight,
    firstObservedAt: from,
    ...(load.rate === undefined
      ? { messagesPerClient: perClient, connectFirst: true }
      : { rate: load.rate, seconds: load.messages / load.rate }),
  })
  let published: Awaited<typeof result> | null = null
  result.then((told) => {
    published = told
  })
  // The generator takes a moment to start and to connect: its own clock says when it began to publish.
  let storedAt = performance.now()
  for (let stored = storedBefore; ; ) {
    await setTimeout(pollMs)
    const now = await subject.countStored()
    if (now > stored) storedAt = performance.now()
    stored = now
    const acknowledged = (published as Awaited<typeof result> | null)?.acknowledged
    if (acknowledged !== undefined && stored - storedBefore >= acknowledged) break
    if (performance.now() - storedAt > stuckMs) break
  }
  const { acknowledged, perSecond, latencyMs, beganAt } = await result
  await setTimeout(settleMs)
  const cpu = readCpuSeconds(subject.pids) - cpuBefore
  const storeCpu = readCpuSeconds(subject.storePids ?? []) - storeCpuBefore
  const seconds = (performance.timeOrigin + storedAt - beganAt) / 1000
  const found = await subject.verify(from, nextTime)
  return {
    storedPerS: found / seconds,
    acknowledgedPerS: perSecond,
    p50Ms: latencyMs.p50,
    p99Ms: latencyMs.p99,
    cpuPer100k: (cpu / acknowledged) * 100_000,
    platformCpuPer100k: ((cpu - storeCpu) / acknowledged) * 100_000,
    corePercent: (cpu / ((performance.now() - begun) / 1000)) * 100,
    lost: Math.max(0, acknowledged - found),
  }
}

/** A system to measure, by its name, and under which loads. */
export type Contestant = { name: string; label: string; start: StartSubject; loads: readonly Load[]; warmUp: number }

/** What the repeats found, by `name of the load, line break, name of the system`. */
export type Runs = Map<string, { label: string; load: string; figures: Figures[] }>

/** Measures systems in turns: each from an empty folder, warmed up, under its loads, and so on for all repeats. */
export async function measureInTurns(contestants: readonly Contestant[], repeats: number): Promise<Runs> {
  const runs: Runs = new Map()
  for (let i = 0; i < repeats; i++)
    for (const contestant of contestants)
      for (const [load, figures] of await measureOnce(contestant)) {
        const key = `${load.name}\n${contestant.name}`
        const run = runs.get(key) ?? { label: contestant.label, load: load.name, figures: [] }
        run.figures.push(figures)
        runs.set(key, run)
      }
  return runs
}

async function measureOnce({ start, loads, warmUp }: Contestant): Promise<[Load, Figures][]> {
  const folder = mkdtempSync(join(tmpdir(), 'parvis-bench-'))
  const running = await start(folder, clients)
  try {
    await measure(running, { name: 'warm-up', messages: warmUp })
    const found: [Load, Figures][] = []
    for (const load of loads) found.push([load, await measure(running, load)])
    return found
  } finally {
    await running.stop()
    rmSync(folder, { recursive: true, force: true })
  }
}
