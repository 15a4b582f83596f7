import { Problem } from '../../domain/problem.ts'
import type { InfluxServer } from '../../store/influx.ts'
import { toSeries } from '../../store/influx-line.ts'
import { openInflux2 } from '../../store/influx2.ts'
import { ensureDebianPackage } from './debian.ts'
import { startServerProcess } from './server-process.ts'

type Exported = { metric: Record<string, string>; values: number[]; timestamps: number[] }

const field = '_value'

/** A real VictoriaMetrics, which keeps one value of a series and millisecond. */
export async function startVictoriaMetrics() {
  const binary = await ensureDebianPackage('victoria-metrics', 'victoria-metrics')
  return startServerProcess(binary, '/health', ({ folder, port }) => [
    `-storageDataPath=${folder}`,
    `-httpListenAddr=127.0.0.1:${port}`,
    '-retentionPeriod=100y',
    '-dedup.minScrapeInterval=1ms',
  ])
}

/** VictoriaMetrics as a server of line protocol: what is written as to InfluxDB 2.x is read through its export API. */
export function openVictoriaMetrics(url: string): InfluxServer {
  const { write } = openInflux2({ url, token: 'none', org: 'parvis', bucket: 'parvis', timeoutMs: 10_000 })

  async function readAll(): Promise<Exported[]> {
    // What was acknowledged may still be in memory, where questions do not look.
    await fetch(`${url}/internal/force_flush`)
    const match = new URLSearchParams({ 'match[]': '{__name__!=""}' })
    const text = await (await fetch(`${url}/api/v1/export?${match}`)).text()
    return text
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as Exported)
  }

  const seriesOf = ({ metric }: Exported) =>
    toSeries(metric.__name__!.slice(0, -field.length), metric.device, metric.channel)

  return {
    name: url,
    prepare: async () => false,
    write,
    async listSeries(devices) {
      const all = (await readAll()).map(seriesOf).filter((each) => each !== null)
      return all.filter(({ deviceId }) => devices === null || devices.includes(deviceId))
    },
    async readPoints(series, { from, to, limit, isDescending = false }) {
      const all = await readAll()
      return series.map((wanted) => {
        const found = all.find((each) => JSON.stringify(seriesOf(each)) === JSON.stringify(wanted))
        const points = (found?.timestamps ?? [])
          .map((time, i): [number, number] => [time, found!.values[i]!])
          .filter(([time]) => time >= from && time < to)
          .sort(([a], [b]) => (isDescending ? b - a : a - b))
        return points.slice(0, limit)
      })
    },
    async remove() {
      throw new Problem('store_cannot_remove', 'VictoriaMetrics')
    },
  }
}
