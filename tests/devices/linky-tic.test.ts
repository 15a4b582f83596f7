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

// The supplier's and distributor's own words, where damage that the checksum does not see cannot show.
const isWords = (label: string) => ['NGTF', 'LTARF', 'MSG1', 'MSG2'].includes(label)

const standardGroup = (body: string) => `\n${body}\t${ticChecksum(`${body}\t`)}\r`
const toFrame = (groups: readonly string[]) => Buffer.from(`\x02${groups.join('')}\x03`, 'latin1')
const historicFrame = toFrame(
  [
    'ADCO 041900000003',
    'OPTARIF BASE',
    'ISOUSC 20',
    'BASE 027000000',
    'PTEC TH..',
    'IINST1 002',
    'IINST2 000',
    'IINST3 021',
    'IMAX1 015',
    'IMAX2 013',
    'IMAX3 022',
    'ADIR3 021',
    'PMAX 08450',
    'PAPP 05290',
    'HHPHC A',
    'MOTDETAT 000000',
    'PPOT 00',
  ].map(group),
)
const standardFrame = toFrame(
  [
    'ADSC\t041900000004',
    'VTIC\t02',
    'DATE\tE260302075959\t',
    'NGTF\t      TEMPO     ',
    'LTARF\t    HP  BLEU    ',
    'EAST\t027553175',
    'EASF01\t015643112',
    'EASD04\t006253358',
    'EAIT\t000000020',
    'ERQ1\t000000031',
    'IRMS1\t002',
    'URMS3\t231',
    'PREF\t36',
    'SINSTS\t01198',
    'SINSTS1\t00497',
    'SMAXSN\tE260302061021\t07337',
    'SMAXSN3-1\tE260301114344\t02561',
    'CCASN\tE260302073000\t00750',
    'UMOY2\tE260302075000\t239',
    'STGE\t003A4001',
    'DPM1\tE260302080000\t01',
    'MSG1\tPAS DE          MESSAGE         ',
    'PRM\t04190000000004',
    'RELAIS\t000',
    'NTARF\t01',
    'NJOURF+1\t00',
    'PJOURF+1\t00008001 NONUTILE NONUTILE',
  ].map(standardGroup),
)

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

  /** What is wrong with a frame in which one byte is another: nothing but a fault, or readings that are the same. */
  function judgeFlip(whole: Buffer, readings: readonly DecodedReading[], at: number, flip: number) {
    const damaged = Buffer.from(whole)
    damaged[at]! ^= flip
    const decoding = decodeTic(damaged)
    for (const each of decoding.readings) expect(readings, `byte ${at} ^ ${flip}`).toContainEqual(each)
    if (decoding.faults.length === 0) {
      expect(sorted(decoding.readings), `byte ${at} ^ ${flip}`).toEqual(sorted(readings))
      return
    }
    for (const { code, params } of decoding.faults) {
      expect(code).toMatch(/^tic_/)
      expect(params?.label ?? params?.group, `byte ${at} ^ ${flip}: ${code}`).toBeDefined()
    }
  }

  test('whatever a byte is flipped to: a fault that names the group, and no reading that was not sent', () => {
    for (const frame of [historicFrame, standardFrame]) {
      const { readings, faults } = decodeTic(frame)
      expect(faults).toEqual([])
      fc.assert(
        fc.property(fc.nat({ max: frame.length - 1 }), fc.integer({ min: 1, max: 255 }), (at, flip) =>
          judgeFlip(frame, readings, at, flip),
        ),
        { numRuns: 2000 },
      )
      // What six bits of checksum do not see, at every byte.
      for (let at = 0; at < frame.length; at++)
        for (const flip of [0x40, 0x80, 0xc0]) judgeFlip(frame, readings, at, flip)
    }
  })

  test('a byte flipped in the data of a group names that group', () => {
    for (const frame of [historicFrame, standardFrame]) {
      const text = frame.toString('latin1')
      for (const [, label] of text.matchAll(/\n([A-Z][A-Z0-9+-]*)/g)) {
        if (isWords(label!)) continue
        const dataAt = text.indexOf(`\n${label}`) + label!.length + 2
        for (const flip of [0x01, 0x20, 0x40, 0x80]) {
          const damaged = Buffer.from(frame)
          damaged[dataAt]! ^= flip
          const named = decodeTic(damaged).faults.map(({ params }) => String(params?.label ?? params?.group))
          expect(
            named.some((name) => name.startsWith(label!)),
            `${label} ^ ${flip}`,
          ).toBe(true)
        }
      }
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
