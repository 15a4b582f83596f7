import { parseArgs } from 'node:util'
import { startBatchingScript } from './peers/subjects.ts'
import { describeDisk } from './support/disk.ts'
import { startParvisOnInflux } from './support/platform.ts'
import { medians, type Row, report, round } from './support/report.ts'
import { type Contestant, type Figures, type Load, measureInTurns } from './support/stored.ts'

/*
 * From publish to stored in InfluxDB 1.6 (support/stored.ts): Parvis, whose acknowledgement follows the disk, beside
 * Mosquitto with a batching script of MQTT.js. CPU is told with InfluxDB and without it: Parvis writes a line a reading,
 * two of each message here, the script one line a message.
 *
 * Options: --repeats N, --seconds N (of the rate), --messages N (at saturation), --json.
 */

const { values: options } = parseArgs({
  options: {
    repeats: { type: 'string', default: '3' },
    seconds: { type: 'string', default: '8' },
    messages: { type: 'string', default: '200000' },
    json: { type: 'boolean', default: false },
  },
})
const rate = 10_000
const loads: Load[] = [
  { name: 'saturation', messages: Number(options.messages) },
  { name: '10,000/s', rate, messages: rate * Number(options.seconds) },
]
const contestants: Contestant[] = [
  { name: 'parvis', label: 'Parvis, InfluxDB 1.6', start: startParvisOnInflux },
  { name: 'script', label: 'Mosquitto, script, InfluxDB 1.6', start: startBatchingScript },
].map((each) => ({ ...each, loads, warmUp: 20_000 }))

const disk = await describeDisk()
const runs = await measureInTurns(contestants, Number(options.repeats))

const rows: Row[] = []
for (const load of loads) {
  let ours: Figures | null = null
  for (const { name, label } of contestants) {
    const { figures } = runs.get(`${load.name}\n${name}`)!
    const middle = medians(figures)
    if (name === 'parvis') ours = middle
    const ratio = (field: keyof Figures) => (name === 'parvis' ? null : `${round(ours![field] / middle[field])} x`)
    rows.push({
      load: load.name,
      system: label,
      'stored/s': round(middle.storedPerS),
      'acknowledged/s': round(middle.acknowledgedPerS),
      'PUBACK p50 ms': round(middle.p50Ms),
      'PUBACK p99 ms': round(middle.p99Ms),
      'CPU s per 100,000': round(middle.cpuPer100k),
      'without InfluxDB': round(middle.platformCpuPer100k),
      lost: figures.reduce((sum, each) => sum + each.lost, 0),
      'Parvis: rate': ratio('storedPerS'),
      'Parvis: CPU': ratio('cpuPer100k'),
      'Parvis: CPU without InfluxDB': ratio('platformCpuPer100k'),
    })
  }
}
report({ name: 'influxdb', rows, notes: [disk], runs: [...runs.values()] })
if (rows.some(({ system, lost }) => String(system).startsWith('Parvis') && lost !== 0)) {
  console.error('Some messages were acknowledged and are not in the store.')
  process.exitCode = 1
}
