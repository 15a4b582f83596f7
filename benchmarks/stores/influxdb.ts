import { startInfluxDb } from '../peers/influxdb.ts'
import { listMessages } from '../store-data.ts'
import { influxDatabase } from './asker.ts'
import { createLineWriter, encodeLines, waitForSameSize } from './line-protocol.ts'
import type { StoreSubject } from './subject.ts'

/** Debian's InfluxDB 1.6; only how soon it brings idle data into its lasting form is not its default, else one would wait for hours. */
export async function startInfluxStore(folder: string): Promise<StoreSubject> {
  const server = await startInfluxDb(folder, influxDatabase, {
    'cache-snapshot-write-cold-duration': '5s',
    'compact-full-write-cold-duration': '5s',
  })
  const write = createLineWriter(server.writeUrl)
  let bytes = 0
  return {
    name: 'InfluxDB 1.6',
    place: { kind: 'influxdb', url: `http://127.0.0.1:${server.port}` },
    pids: [server.pid],
    prepare: encodeLines,
    prepareHistory: (history) => encodeLines(listMessages(history)),
    write: (batch) => write(batch as string),
    async tidy() {},
    async settle() {
      bytes = await waitForSameSize(folder)
    },
    countBytes: async () => bytes,
    stop: server.stop,
  }
}
