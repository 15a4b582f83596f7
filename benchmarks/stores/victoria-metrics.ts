import { ensureDebianPackage } from '../../tests/support/debian.ts'
import { freePort } from '../../tests/support/platform.ts'
import { listMessages } from '../store-data.ts'
import { startProgram } from '../support/program.ts'
import { createLineWriter, encodeLines, waitForSameSize } from './line-protocol.ts'
import type { StoreSubject } from './subject.ts'

/** Debian's VictoriaMetrics with its own defaults, but for the retention: it keeps a month unless it is told. */
export async function startVictoriaStore(folder: string): Promise<StoreSubject> {
  const command = await ensureDebianPackage('victoria-metrics', 'victoria-metrics')
  const port = await freePort()
  const url = `http://127.0.0.1:${port}`
  const { pid, stop } = await startProgram({
    command,
    arguments: [`-storageDataPath=${folder}`, `-httpListenAddr=127.0.0.1:${port}`, '-retentionPeriod=100y'],
    isReady: async () => (await fetch(`${url}/health`)).ok,
  })
  const write = createLineWriter(`${url}/write?precision=ms`)
  let bytes = 0
  return {
    name: 'VictoriaMetrics',
    place: { kind: 'victoriametrics', url },
    pids: [pid],
    prepare: encodeLines,
    prepareHistory: (history) => encodeLines(listMessages(history)),
    write: (batch) => write(batch as string),
    async tidy() {},
    async settle() {
      await fetch(`${url}/internal/force_flush`)
      await fetch(`${url}/internal/force_merge`)
      bytes = await waitForSameSize(folder)
    },
    countBytes: async () => bytes,
    stop,
  }
}
