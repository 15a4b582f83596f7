import { expect, test } from 'vitest'
import { compileTable } from '../../devices/model-table.ts'
import { suggestTable } from '../../devices/suggest-table.ts'
import { modelTableSchema } from '../../domain/model-table.ts'

test.each([
  [{ temperature: 21.5 }, { temperature: 21.5 }],
  [{ temp: 21.5 }, { temperature: 21.5 }],
  [
    { TempC_SHT: 21.5, Hum_SHT: 44.1 },
    { temperature: 21.5, relative_humidity: 44.1 },
  ],
  [{ temp_f: 50 }, { temperature: 10 }],
  [{ co2_ppm: 612 }, { co2: 612 }],
  [{ CO2: 612 }, { co2: 612 }],
  [{ distance_mm: 1500 }, { distance: 1.5 }],
  [{ distanceCm: 150 }, { distance: 1.5 }],
  [{ batV: 3.6 }, { battery_voltage: 3.6 }],
  [{ Bat_V: 3.6 }, { battery_voltage: 3.6 }],
  [{ BatV: 3 }, { battery_voltage: 3 }],
  [{ battery_mv: 3600 }, { battery_voltage: 3.6 }],
  [{ battery_volt: 3.6 }, { battery_voltage: 3.6 }],
  [{ battery: 97 }, { battery_level: 97 }],
  [{ battery: 3.58 }, { battery_voltage: 3.58 }],
  [{ battery_level: 97 }, { battery_level: 97 }],
  [{ pressure_pa: 101_325 }, { pressure: 1013.25 }],
  [{ illuminance: 300 }, { illuminance: 300 }],
  [{ light: 300 }, { illuminance: 300 }],
  [{ energy_kwh: 1.5 }, { energy_active_import: 1500 }],
  [{ volume_l: 250 }, { water_volume: 0.25 }],
  [{ occupied: true }, { occupancy: 1 }],
  [{ door: 'open' }, { door_state: 1 }],
  [
    { pm2_5: 7, pm10: 12 },
    { pm2_5: 7, pm10: 12 },
  ],
  [{ battery_voltage: { displayName: 'Battery voltage', unit: 'V', value: 3.168 } }, { battery_voltage: 3.168 }],
  [{ soil_temperature: { unit: '°C', value: 22.5 } }, { temperature: 22.5 }],
])('%j is recognised', (sample, expected) => {
  const { table, unmapped } = suggestTable([sample])
  const { readings, faults } = compileTable(modelTableSchema.parse(table))(sample)
  expect(faults).toEqual([])
  expect(unmapped).toEqual([])
  expect(Object.fromEntries(readings.map(({ quantity, value }) => [quantity, Number(value.toFixed(9))]))).toEqual(
    expected,
  )
})

test('what is not recognised is told', () => {
  const { table, unmapped } = suggestTable([{ temperature: 20, mood: 3, nested: { colour: 'red' } }])
  expect(table.fields).toEqual([{ path: 'temperature', quantity: 'temperature' }])
  expect(unmapped).toEqual(['mood', 'nested.colour'])
})

test('several of a quantity have channels, and what is normalised is not mapped again', () => {
  const { table } = suggestTable(
    [{ temp_in: 20, temp_out: 5, humidity: 40, time: '2026-03-01T08:00:00Z' }],
    [{ quantity: 'relative_humidity', channel: '' }],
  )
  expect(table).toEqual({
    fields: [
      { path: 'temp_in', quantity: 'temperature' },
      { path: 'temp_out', quantity: 'temperature', channel: 'temp_out' },
    ],
    time: 'time',
    ignored: [],
  })
})

test('a table reads one object or several, and names what it does not know', () => {
  const table = modelTableSchema.parse({
    fields: [
      { path: 't', quantity: 'temperature', unit: 'K' },
      { path: 'd', quantity: 'distance', unit: 'mm', scale: 10 },
    ],
    time: 'at',
    ignored: ['debug'],
  })
  const read = compileTable(table)
  expect(read([{ t: 300, at: '2026-03-01T08:00:00Z', debug: { a: 1 }, x: 1 }, { d: 150 }])).toEqual({
    readings: [
      { channel: '', quantity: 'temperature', value: 26.850000000000023, observedAt: Date.UTC(2026, 2, 1, 8) },
      { channel: '', quantity: 'distance', value: 1.5 },
    ],
    faults: [],
    unmapped: ['x'],
  })
  expect(read({ x: 1, y: { z: 2 } }).faults).toEqual([{ code: 'nothing_mapped', params: { names: 'x, y.z' } }])
  expect(read('text').faults).toEqual([{ code: 'answer_no_object', params: { where: '' } }])
  expect(read({ t: 300, at: 'yesterday' }).faults).toEqual([{ code: 'bad_time', params: { where: '' } }])
})

test('a normalised payload gives what the table does not', () => {
  const read = compileTable(modelTableSchema.parse({ fields: [{ path: 'temp', quantity: 'temperature' }] }))
  const { readings } = read({ temp: 20 }, { air: { temperature: 99, relativeHumidity: 40 } })
  expect(readings).toEqual([
    { channel: '', quantity: 'temperature', value: 20 },
    { channel: '', quantity: 'relative_humidity', value: 40 },
  ])
})
