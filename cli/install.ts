import { type Calibration, calibrationSchema } from '../domain/calibration.ts'
import { channelSchema, type Installation, toInstallationJson } from '../domain/installation.ts'
import { formatTime } from '../domain/time.ts'
import { parseInput } from '../inventory/input.ts'
import { install, swapDevice, uninstall } from '../inventory/installations.ts'
import {
  type Command,
  type Context,
  formatColumns,
  type OptionValues,
  textOption,
  timeOption,
  UsageError,
} from './command.ts'

const at = { at: { type: 'string' } } as const
const atText = {
  at: {
    fr: 'moment, comme 2026-03-01T08:00:00Z ; maintenant sinon',
    en: 'moment, such as 2026-03-01T08:00:00Z; now otherwise',
  },
} as const
const channel = { channel: { type: 'string' } } as const
const channelText = {
  channel: {
    fr: 'une voie de l’appareil ; tout l’appareil sinon',
    en: 'one channel of the device; all of it otherwise',
  },
} as const

export const installCommands: Record<string, Command> = {
  install: {
    usage: 'install <deviceId> <assetId> [--channel c] [--at t] [--calibration json]',
    summary: { fr: 'Note la pose d’un appareil sur un équipement', en: 'Records that a device is on an asset' },
    words: 2,
    options: { ...channel, ...at, calibration: { type: 'string' } },
    optionTexts: {
      ...channelText,
      ...atText,
      calibration: {
        fr: 'étalonnage, comme {"fill":{"emptyM":1.8,"fullM":0.3}}',
        en: 'calibration, such as {"fill":{"emptyM":1.8,"fullM":0.3}}',
      },
    },
    async run(context, [deviceId, assetId], values) {
      const installation = await install(await context.access(), {
        deviceId: deviceId!,
        assetId: assetId!,
        channel: readChannel(values),
        installedAt: timeOption(values, 'at'),
        calibration: readCalibration(values),
      })
      tell(context, [installation])
    },
  },
  uninstall: {
    usage: 'uninstall <deviceId> [--channel c] [--at t]',
    summary: { fr: 'Note la dépose d’un appareil', en: 'Records that a device was taken off' },
    words: 1,
    options: { ...channel, ...at },
    optionTexts: { ...channelText, ...atText },
    async run(context, [deviceId], values) {
      const ended = await uninstall(await context.access(), {
        deviceId: deviceId!,
        channel: readChannel(values),
        removedAt: timeOption(values, 'at'),
      })
      tell(context, ended)
    },
  },
  swap: {
    usage: 'swap <oldDeviceId> <newDeviceId> [--at t]',
    summary: {
      fr: 'Note le remplacement d’un appareil par un autre',
      en: 'Records that one device took the place of another',
    },
    words: 2,
    options: at,
    optionTexts: atText,
    async run(context, [oldDeviceId, newDeviceId], values) {
      const { installed } = await swapDevice(await context.access(), {
        oldDeviceId: oldDeviceId!,
        newDeviceId: newDeviceId!,
        at: timeOption(values, 'at'),
      })
      tell(context, installed)
    },
  },
}

function readChannel(values: OptionValues): string | undefined {
  const text = textOption(values, 'channel')
  return text === undefined ? undefined : parseInput(channelSchema, text)
}

function readCalibration(values: OptionValues): Calibration | undefined {
  const text = textOption(values, 'calibration')
  if (text === undefined) return undefined
  try {
    return parseInput(calibrationSchema, JSON.parse(text))
  } catch (error) {
    if (error instanceof SyntaxError) throw new UsageError(`--calibration ${text}: ${error.message}`)
    throw error
  }
}

/** One installation as itself; several, of a device whose channels are on several assets, as a list. */
function tell({ print }: Context, installations: readonly Installation[]): void {
  const rows = installations.map((each) => [
    each.deviceId,
    each.channel ?? '',
    each.assetId,
    formatTime(each.installedAt),
    each.removedAt === null ? null : formatTime(each.removedAt),
  ])
  const documents = installations.map(toInstallationJson)
  print(documents.length === 1 ? documents[0] : { items: documents }, formatColumns(rows))
}
