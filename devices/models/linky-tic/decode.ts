import type { DecodedReading, Decoding } from '../../../domain/fault.ts'
import { addFault, closeFaults, type FaultList, newFaultList } from '../../fault-list.ts'
import {
  datedLabels,
  historicLabels,
  historicTariffs,
  type LabelMeaning,
  otherLabels,
  standardLabels,
  tariffOfPeriod,
} from './labels.ts'

// Six bits of checksum do not see the upper bits of a character: so a label is also held to the letters and the length
// that labels have, dates and data to what their label may hold.
const labelPattern = /^[A-Z][A-Z0-9+-]{1,8}$/
// Season (in lower case when the clock has lost its reference, a space without a season), then AAMMJJhhmmss.
const datePattern = /^[EeHh ]\d{12}$/
const numberPattern = /^\d{1,12}$/

/** The checksum of a group: the low six bits of the sum of its characters, made printable by adding a space. */
export function ticChecksum(text: string): string {
  let sum = 0
  for (let at = 0; at < text.length; at++) sum += text.charCodeAt(at)
  return String.fromCharCode((sum & 0x3f) + 0x20)
}

/**
 * Decodes the TIC frames of a Linky meter, historic or standard mode. Each group is judged by its own checksum: a wrong
 * one is a fault that names the group, and the others are kept. A payload may hold several frames, which are all read
 * at `receivedAt`: so only the last value of each series is given. Dates are not used, since a meter's clock needs not
 * be right. A reader may begin and end within a frame: what is left of a group at either end is left out.
 */
export function decodeTic(payload: Uint8Array): Decoding {
  const text = Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength).toString('latin1')
  const faults = newFaultList()
  const readings = new Map<string, DecodedReading>()
  let rightGroups = 0
  const frames = splitFrames(text)
  for (const [index, { groups, isWhole }] of frames.entries()) {
    const draft: TicDraft = { readings, energies: new Map(), faults }
    if (!isWhole) addFault(faults, 'tic_broken_frame', { group: groups.find((group) => group !== '')! })
    for (const [at, group] of groups.entries()) {
      if (group === '') continue
      const isFirst = index === 0 && at === 0
      const isLast = index === frames.length - 1 && at === groups.length - 1
      const end = isLast ? 'last' : isFirst && text.includes('\x02') ? 'first' : undefined
      if (readGroup(group, end, draft)) rightGroups++
    }
    keepTotals(draft)
  }
  if (rightGroups === 0 && faults.kept.length === 0) addFault(faults, 'tic_no_group')
  return { readings: [...readings.values()], faults: closeFaults(faults) }
}

/**
 * Reads labels and values that a gateway has taken out of the frame, and checked: `{"HCHP": 2033643, "PTEC": "HP.."}`.
 * A label that has no reading is left out; so is a value that the meter never sends, such as null.
 */
export function readTicValues(values: Readonly<Record<string, unknown>>): Decoding {
  const draft: TicDraft = { readings: new Map(), energies: new Map(), faults: newFaultList() }
  for (const [label, told] of Object.entries(values)) {
    const meaning = historicLabels.get(label) ?? standardLabels.get(label)
    if (meaning === undefined || told === '' || (typeof told !== 'string' && typeof told !== 'number')) continue
    // A gateway may take the dots off the name of a period.
    const data = meaning.isPeriod && typeof told === 'string' ? told.padEnd(4, '.') : String(told)
    if (!readData(meaning, data, draft)) tellBadData(label, data, draft.faults)
  }
  keepTotals(draft)
  return { readings: [...draft.readings.values()], faults: closeFaults(draft.faults) }
}

/** What the groups of a frame have given. `energies` are its historic registers, by channel. */
type TicDraft = { readings: Map<string, DecodedReading>; energies: Map<string, number>; faults: FaultList }

/**
 * The frames of a text: what stands between STX and ETX (or EOT, where the meter broke off), or lines without either. In
 * a text with frames, groups outside of one are the sign of a damaged STX or ETX.
 */
function splitFrames(text: string): { groups: string[]; isWhole: boolean }[] {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: STX, ETX and EOT are what frames begin and end with.
  const parts = text.split(/([\x02\x03\x04])/)
  const hasFrames = text.includes('\x02')
  const frames = []
  for (let at = 0; at < parts.length; at += 2) {
    const groups = parts[at]!.split(/[\r\n]+/)
    const isEmpty = groups.every((group) => group === '')
    const isAfterAnother = at > 0 && parts[at - 1] !== '\x02'
    const isCutOff = parts[at - 1] === '\x02' && parts[at + 1] === '\x02'
    frames.push({ groups, isWhole: !hasFrames || isEmpty || !(isAfterAnother || isCutOff) })
  }
  return frames
}

// Answers whether the text is a group with a right checksum, of use or not. `end` tells that it may be the rest of one:
// the last of the payload, or the first one before the first frame.
function readGroup(group: string, end: 'first' | 'last' | undefined, draft: TicDraft): boolean {
  const { faults } = draft
  const isStandard = group.includes('\t')
  const separator = isStandard ? '\t' : ' '
  // The checksum may itself be the separator of the historic mode: so it is taken by position, not by splitting.
  const body = group.slice(0, -2)
  const firstSeparator = body.indexOf(separator)
  const label = body.slice(0, Math.max(firstSeparator, 0))
  if (group.at(-2) !== separator || !labelPattern.test(label)) {
    if (end === undefined) addFault(faults, 'tic_bad_group', { group })
    return false
  }
  const expected = ticChecksum(isStandard ? group.slice(0, -1) : body)
  const found = group.at(-1)!
  if (found !== expected) {
    if (end !== 'first') addFault(faults, 'tic_bad_checksum', { label, found, expected })
    return false
  }
  const told = body.slice(firstSeparator + 1)
  const meaning = (isStandard ? standardLabels : historicLabels).get(label)
  const pattern = otherLabels.get(label)
  const isDated = datedLabels.has(label)
  // Only the standard mode has dates, between two separators; a label that nobody knows may have one or not.
  const dateEnd = isStandard && (isDated || (meaning ?? pattern) === undefined) ? told.indexOf(separator) : -1
  const isDateRight = dateEnd < 0 ? !isDated : datePattern.test(told.slice(0, dateEnd))
  const data = told.slice(dateEnd + 1)
  const isRight = meaning === undefined ? pattern?.test(data) !== false : isDateRight && readData(meaning, data, draft)
  if (!isDateRight || !isRight) tellBadData(label, told, faults)
  return true
}

function tellBadData(label: string, data: string, faults: FaultList): void {
  addFault(faults, 'tic_bad_data', { label, data })
}

// Answers whether the data is what the label may hold.
function readData(meaning: LabelMeaning, data: string, { readings, energies }: TicDraft): boolean {
  const { quantity, channel, scale = 1, isPeriod, isRegister } = meaning
  const value = isPeriod ? tariffOfPeriod(data) : numberPattern.test(data) ? Number(data) * scale : null
  if (value === null) return false
  keep(readings, { channel, quantity, value })
  if (isRegister) energies.set(channel, value)
  return true
}

// The historic mode has no total: where all registers of a tariff stand in one frame their sum is it.
function keepTotals({ readings, energies }: TicDraft): void {
  for (const { registers } of historicTariffs) {
    const parts = registers.map(([, channel]) => energies.get(channel))
    if (!parts.every((part) => part !== undefined)) continue
    keep(readings, {
      channel: '',
      quantity: 'energy_active_import',
      value: parts.reduce((sum, part) => sum + part, 0),
    })
  }
}

function keep(readings: Map<string, DecodedReading>, reading: DecodedReading): void {
  readings.set(`${reading.quantity} ${reading.channel}`, reading)
}
