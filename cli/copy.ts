import { chooseStore } from '../config.ts'
import { Problem } from '../domain/problem.ts'
import { loadStore } from '../store/backend.ts'
import { type CopyProgress, copyReadings } from '../store/copy.ts'
import { openIngestFile } from '../store/ingest-file.ts'
import { openIngestReader } from '../store/ingest-reader.ts'
import { acquireLock, isLocked } from '../store/lock.ts'
import { badOption, type Command, type Context, isRunning, neededOption, UsageError } from './command.ts'

const kinds = ['embedded', 'influxdb1', 'influxdb2', 'influxdb3'] as const
type Kind = (typeof kinds)[number]

const progressMs = 1000

export const copyCommands: Record<string, Command> = {
  copy: {
    usage: 'copy --from <store> --to <store>',
    summary: {
      fr: 'Copie les relevés d’une base à l’autre, puis les compare par jour ; à relancer après une coupure',
      en: 'Copies the readings from one store to the other, then compares them by day; run it again after a cut',
    },
    words: 0,
    options: { from: { type: 'string' }, to: { type: 'string' } },
    optionTexts: {
      from: { fr: kinds.join(', '), en: kinds.join(', ') },
      to: { fr: kinds.join(', '), en: kinds.join(', ') },
    },
    async run(context, _, values) {
      const from = kindOf(neededOption(values, 'from'), 'from')
      const to = kindOf(neededOption(values, 'to'), 'to')
      if (from === to)
        throw new UsageError({
          fr: `--from et --to sont la même base : ${to}`,
          en: `--from and --to are the same store: ${to}`,
        })
      const report = await copy(context, from, to)
      const { readings, days, devices, differences, rejected } = report
      const refused = rejected.reduce((sum, { count }) => sum + count, 0)
      const text = {
        fr: `${devices} appareils, ${days} jours copiés, ${readings} relevés écrits, ${refused} refusés ; ${report.isEqual ? 'tout est égal' : 'des jours diffèrent :'}`,
        en: `${devices} devices, ${days} days copied, ${readings} readings written, ${refused} refused; ${report.isEqual ? 'all is equal' : 'days differ:'}`,
      }
      const lines = differences.map(
        (each) =>
          `${each.day} ${each.deviceId} ${each.channel} ${each.quantity}: ${each.from.count} -> ${each.to.count}`,
      )
      context.print(report, [text[context.language], ...lines].join('\n'))
      if (!report.isEqual) context.fail()
    },
  },
}

function kindOf(text: string, name: string): Kind {
  const kind = kinds.find((each) => each === text)
  if (kind === undefined) throw badOption(name, text, kinds)
  return kind
}

async function copy({ config, progress, language }: Context, from: Kind, to: Kind) {
  const dataDir = config.PARVIS_DATA_DIR
  // The embedded store has one writer.
  if (to === 'embedded' && isLocked(dataDir)) throw new Problem('in_use', isRunning)
  const lock = to === 'embedded' ? acquireLock(dataDir, 'ingest') : null
  const openSource = await loadStore(chooseStore(config, from))
  const openTarget = await loadStore(chooseStore(config, to))
  const database = openIngestFile(dataDir)
  // What is compared are the readings.
  const reader = openIngestReader(dataDir, (file, options) => openSource(file, { ...options, readsReadings: true }))
  const target = openTarget(database, { readsReadings: true })
  let toldAt = 0

  function tell({ devices, ofDevices, readings }: CopyProgress) {
    if (Date.now() - toldAt < progressMs) return
    toldAt = Date.now()
    progress(
      language === 'fr'
        ? `${devices} appareils sur ${ofDevices}, ${readings} relevés écrits`
        : `${devices} devices of ${ofDevices}, ${readings} readings written`,
    )
  }

  try {
    return await copyReadings(reader.readings, target, reader.devicesHeard(), tell)
  } finally {
    await target.close()
    reader.close()
    database.close()
    lock?.release()
  }
}
