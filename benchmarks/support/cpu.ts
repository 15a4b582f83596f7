import { readdirSync, readFileSync } from 'node:fs'

/*
 * CPU time by the system's own account, /proc/[pid]/stat of proc(5): user and system time of all threads of a process,
 * and of the children that it has waited for. Linux keeps the sum to the nanosecond and tells it in hundredths.
 */

// USER_HZ on every Linux that Node.js runs on.
const ticksPerSecond = 100

/** CPU seconds that these processes and all their descendants have used so far. One that has ended counts 0. */
export function readCpuSeconds(pids: readonly number[]): number {
  const parents = readParents()
  const all = new Set(pids)
  for (let size = -1; size !== all.size; ) {
    size = all.size
    for (const [pid, parent] of parents) if (all.has(parent)) all.add(pid)
  }
  let ticks = 0
  for (const pid of all) {
    const fields = readStat(pid)
    if (fields !== null) for (const i of [11, 12, 13, 14]) ticks += Number(fields[i])
  }
  return ticks / ticksPerSecond
}

/** Memory that these processes hold, in MiB, of proc(5): now (VmRSS), or the most that they ever held (VmHWM). */
export function readMemoryMib(pids: readonly number[], field: 'VmRSS' | 'VmHWM' = 'VmRSS'): number {
  const pattern = new RegExp(`${field}:\\s+(\\d+)`)
  let kib = 0
  for (const pid of pids) kib += Number(pattern.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0)
  return kib / 1024
}

function readParents(): [pid: number, parent: number][] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map((name) => [Number(name), Number(readStat(Number(name))?.[1] ?? 0)])
}

// The fields behind the program's name, which may itself hold spaces and brackets.
function readStat(pid: number): string[] | null {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8')
    return text.slice(text.lastIndexOf(')') + 2).split(' ')
  } catch {
    return null
  }
}
