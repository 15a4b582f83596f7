import { afterAll, beforeAll } from 'vitest'
import { openInfluxStore } from '../../store/influx.ts'
import type { ServerProcess } from '../support/server-process.ts'
import { openVictoriaMetrics, startVictoriaMetrics } from '../support/victoria-metrics.ts'
import { describeReadingStore } from './reading-store-contract.ts'

let server: ServerProcess
beforeAll(async () => {
  server = await startVictoriaMetrics()
})
afterAll(() => server.remove())

const open = () => openInfluxStore(openVictoriaMetrics(server.url))

describeReadingStore(
  'VictoriaMetrics, written as InfluxDB 2.x',
  async () => {
    await fetch(`${server.url}/api/v1/admin/tsdb/delete_series?${new URLSearchParams({ 'match[]': '{__name__!=""}' })}`)
    return { store: open(), reopen: async () => open(), close: async () => {} }
  },
  // It keeps values as decimals of a block's common exponent: whole numbers of few digits are exact.
  { runs: 10, keepsReception: false, removes: false, values: [0, 1, -1, 72, 1_000_000, -90] },
)
