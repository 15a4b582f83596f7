import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { maxFaultsPerUplink } from '../../devices/fault-list.ts'
import { decodeTic, ticChecksum } from '../../devices/models/linky-tic/decode.ts'
import { encodeTic } from '../../devices/models/linky-tic/encode.ts'
import { historicTariffs } from '../../devices/models/linky-tic/labels.ts'
import type { DecodedReading } from '../../domain/fault.ts'

const decode = (text: string) => decodeTic(Buffer.from(text, 'latin1'))
const group = (body: string) => `\n${body} ${ticChecksum(body)}\r`
const reading = (quantity: DecodedReading['quantity'], channel: string, value: number): DecodedReading => ({
  channel,
  quantity,
  value,
})
const sorted = (readings: readonly DecodedReading[]) =>
  [...readings].sort((a, b) => (`${a.quantity} ${a.channel}` < `${b.quantity} ${b.channel}` ? -1 : 1))

test('the checksum leaves the last separator out in historic mode and has it in in standard mode', () => {
  // Worked out by hand: B + A + S + E + space + nine zeros = 66 + 65 + 83 + 69 + 32 + 432 = 747; 747 & 63 = 43; + 32 = 75.
  expect(ticChecksum('BASE 000000000')).toBe('K')
  // E + A + S + T + tab + nine zeros + tab = 69 + 65 + 83 + 84 + 9 + 432 + 9 = 751; 751 & 63 = 47; + 32 = 79.
  expect(ticChecksum('EAST\t000000000\t')).toBe('O')
  expect(decode('\x02\nBASE 000000000 K\r\nEAST\t000000000\tO\r\x03').faults).toEqual([])
})

describe('what a meter sends comes back', () => {
  const energy = fc.integer({ min: 0, max: 999_999_999 })
  const amps = fc.integer({ min: 0, max: 999 })
  const power = fc.integer({ min: 0, max: 99_999 })

  test('historic mode, every tariff, with the total that the meter does not send', () => {
    const meter = fc
      .constantFrom(...historicTariffs)
      .chain(({ registers, periods }) =>
        fc.tuple(
          fc.constant(registers),
          fc.tuple(...registers.map(() => energy)),
          fc.integer({ min: 1, max: periods.length }),
          fc.oneof(fc.tuple(amps), fc.tuple(amps, amps, amps)),
          power,
        ),
      )
    fc.assert(
      fc.property(meter, ([registers, energies, tariff, currents, papp]) => {
        const sent = [
          ...registers.map(([, channel], index) => reading('energy_active_import', channel, energies[index]!)),
          reading('tariff', '', tariff),
          ...currents.map((value, index) => reading('current', currents.length === 1 ? '' : String(index + 1), value)),
          reading('apparent_power', '', papp),
        ]
        const total = reading(
          'energy_active_import',
          '',
          energies.reduce((sum, each) => sum + each, 0),
        )
        const { readings, faults } = decodeTic(encodeTic(sent))
        expect(faults).toEqual([])
        expect(sorted(readings)).toEqual(sorted([...sent, total]))
      }),
    )
  })

  test('standard mode, on one phase or three', () => {
    const channels = ['', ...Array.from({ length: 10 }, (_, index) => `f${String(index + 1).padStart(2, '0')}`)]
    const phases = fc.constantFrom(['1'], ['1', '2', '3'])
    const some = fc.tuple(fc.subarray(channels, { minLength: 1 }), energy, phases, amps, power)
    fc.assert(
      fc.property(some, fc.integer({ min: 0, max: 10 }), ([registers, wattHours, lines, value, va], tariff) => {
        const sent = [
          ...registers.map((channel) => reading('energy_active_import', channel, wattHours)),
          reading('energy_active_export', '', wattHours),
          ...lines.flatMap((channel) => [
            reading('current', channel, value),
            reading('voltage', channel, value),
            reading('apparent_power', channel, va),
          ]),
          reading('apparent_power', '', va),
          reading('tariff', '', tariff),
        ]
        const { readings, faults } = decodeTic(encodeTic(sent))
        expect(faults).toEqual([])
        expect(sorted(readings)).toEqual(sorted(sent))
      }),
    )
  })
})

describe('damage', () => {
  const frame = Buffer.from(
    encodeTic([
      reading('energy_active_import', 'hc', 1_234_567),
      reading('energy_active_import', 'hp', 7_654_321),
      reading('tariff', '', 1),
      reading('current', '', 3),
      reading('apparent_power', '', 690),
    ]),
  )

  test('a frame cut at any byte gives its whole groups, and nothing that was not sent', () => {
    const whole = decodeTic(frame).readings
    for (let length = 0; length <= frame.length; length++) {
      const { readings } = decodeTic(frame.subarray(0, length))
      for (const each of readings) expect(whole).toContainEqual(each)
      expect(readings.length).toBeLessThanOrEqual(whole.length)
    }
    expect(decodeTic(frame.subarray(0, frame.length - 1)).readings).toEqual(whole)
  })

  test('a reader that begins within a frame: the rest of a group before the first frame is left out', () => {
    const whole = decodeTic(frame).readings
    for (let from = 1; from < frame.length; from++)
      expect(decodeTic(Buffer.concat([frame.subarray(from), frame])), `from byte ${from}`).toEqual({
        readings: expect.arrayContaining(whole),
        faults: [],
      })
    expect(decode('PAPP 00200 !').faults).toHaveLength(1)
    expect(decode('PAPP 00200 !\r\x03').faults).toHaveLength(1)
  })

  test('a single flipped bit never changes a value unseen', () => {
    const whole = decodeTic(frame).readings
    for (let bit = 0; bit < frame.length * 8; bit++) {
      const damaged = Buffer.from(frame)
      damaged[bit >> 3]! ^= 1 << (bit & 7)
      const { readings, faults } = decodeTic(damaged)
      // The checksum has six bits: it does not see the upper two of a character, which make it no digit and so a fault.
      for (const each of readings) if (each.quantity !== 'tariff') expect(whole, `bit ${bit}`).toContainEqual(each)
      if (readings.length < whole.length - 1) expect(faults.length, `bit ${bit}`).toBeGreaterThan(0)
    }
  })

  test('many bad groups: twenty faults are told, the others counted', () => {
    const { readings, faults } = decode(`\x02${'\nPAPP 00200 !\r'.repeat(5000)}${group('PAPP 00300')}\x03`)
    expect(readings).toEqual([reading('apparent_power', '', 300)])
    expect(faults).toHaveLength(maxFaultsPerUplink + 1)
    expect(faults.at(-1)).toEqual({ code: 'more_faults', params: { count: 5000 - maxFaultsPerUplink } })
  })

  test('never throws, whatever comes', () => {
    const pieces = fc.constantFrom('\x02', '\x03', '\r', '\n', '\t', ' ', 'EAST', 'BASE', 'PTEC', '0', 'K', '\x00')
    fc.assert(
      fc.property(
        fc.oneof(
          fc.uint8Array(),
          fc.array(pieces).map((all) => Buffer.from(all.join(''))),
        ),
        (payload) => {
          const { readings, faults } = decodeTic(payload)
          for (const { value } of readings) expect(Number.isSafeInteger(value)).toBe(true)
          expect(faults.length).toBeLessThanOrEqual(maxFaultsPerUplink + 1)
        },
      ),
    )
  })
})

describe('several frames', () => {
  const [first, second] = [100, 200].map((value) => `\x02${group(`HCHC 00000${value}0`)}${group('HCHP 000000007')}\x03`)

  test('the last value of each series is given, once', () => {
    const { readings } = decode(`${first}${second}`)
    expect(readings).toContainEqual(reading('energy_active_import', 'hc', 2000))
    expect(readings).toContainEqual(reading('energy_active_import', '', 2007))
    expect(readings).toHaveLength(3)
  })

  test('registers of different frames are never added up', () => {
    const { readings } = decode(`\x02${group('HCHC 000000001')}\x03\x02${group('HCHP 000000002')}\x03`)
    expect(readings.filter((each) => each.channel === '')).toEqual([])
  })

  test('line ends of all sorts', () => {
    for (const end of ['\r', '\n', '\r\n', '\r\r\n', '\n\r'])
      expect(decode(['BASE 000000000 K', 'PAPP 00200 #', ''].join(end)).readings, JSON.stringify(end)).toHaveLength(3)
  })
})

// Frames of real meters, for those who have some: a folder with a `tic` folder of text files in it.
test.skipIf(process.env.TEST_DATA_DIR === undefined)('frames of real meters', () => {
  const folder = join(process.env.TEST_DATA_DIR!, 'tic')
  for (const file of readdirSync(folder)) {
    const { readings, faults } = decodeTic(readFileSync(join(folder, file)))
    expect(faults, file).toEqual([])
    expect(readings.find((each) => each.quantity === 'energy_active_import' && each.channel === '')).toBeDefined()
  }
})
