import type { Browser, Page } from 'playwright-core'

/** An event of Chromium's trace; times in microseconds. */
type TraceEvent = {
  name: string
  ph: string
  pid: number
  tid: number
  ts: number
  dur?: number
}

/**
 * Traces a page while `act` runs; answers for each frame that its script drew how long the main thread worked from its
 * beginning until that of the next, in milliseconds. A frame's own end says nothing where the processor draws.
 */
export async function traceFrames(browser: Browser, page: Page, act: () => Promise<void>): Promise<number[]> {
  const categories = ['-*', 'devtools.timeline', 'disabled-by-default-devtools.timeline']
  await browser.startTracing(page, { categories })
  await act()
  const { traceEvents } = JSON.parse(String(await browser.stopTracing())) as { traceEvents: TraceEvent[] }
  const frames = traceEvents.filter((each) => each.name === 'FireAnimationFrame')
  // The thread on which the page's own script draws.
  const threads = Map.groupBy(frames, ({ pid, tid }) => `${pid} ${tid}`)
  const [busiest] = [...threads].sort(([, a], [, b]) => b.length - a.length)
  if (busiest === undefined) return []
  const [thread, drawn] = busiest
  const tasks = traceEvents.filter(
    (each) => each.ph === 'X' && each.name === 'RunTask' && `${each.pid} ${each.tid}` === thread,
  )
  const beginnings = [...new Set(drawn.map(({ ts }) => findTask(tasks, ts)?.ts ?? ts))].sort((a, b) => a - b)
  return beginnings.slice(0, -1).map((from, i) => {
    const own = tasks.filter(({ ts }) => ts >= from && ts < beginnings[i + 1]!)
    return own.reduce((sum, { dur = 0 }) => sum + dur, 0) / 1000
  })
}

function findTask(tasks: readonly TraceEvent[], time: number): TraceEvent | undefined {
  return tasks.find(({ ts, dur = 0 }) => time >= ts && time < ts + dur)
}
