import { afterAll, beforeAll } from 'vitest'
import { openInfluxStore } from '../../store/influx.ts'
import { openInflux1 } from '../../store/influx1.ts'
import { type Influxd, startInfluxd } from '../support/influxd.ts'
import { describeReadingStore } from './reading-store-contract.ts'

let influxd: Influxd
beforeAll(async () => {
  influxd = await startInfluxd()
})
afterAll(() => influxd.remove())

let databases = 0

describeReadingStore(
  'InfluxDB 1.6',
  async () => {
    const database = `parvis "${++databases}"`
    const open = () => openInfluxStore(openInflux1({ url: influxd.url, database, timeoutMs: 10_000 }))
    return { store: open(), reopen: async () => open(), close: async () => {} }
  },
  { runs: 10, keepsReception: false },
)
