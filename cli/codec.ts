import { openScriptPool } from '../devices/scripts/pool.ts'
import { type ImportReport, importCodecs, type VendorReport } from '../inventory/import-codecs.ts'
import { type Command, type Context, formatColumns, textOption } from './command.ts'

const operations = ['decodeUplink', 'normalizeUplink', 'encodeDownlink', 'decodeDownlink'] as const

export const codecCommands: Record<string, Command> = {
  'codec import': {
    usage: 'codec import <folder> [--vendor v,w] [--all] [--dry-run]',
    summary: {
      fr: 'Importe les codecs d’une copie des dépôts de The Things Network, de ChirpStack ou d’Actility, après les avoir essayés sur leurs propres exemples',
      en: 'Imports the codecs of a copy of the repositories of The Things Network, ChirpStack or Actility, once tried on their own examples',
    },
    words: 1,
    options: { vendor: { type: 'string' }, all: { type: 'boolean' }, 'dry-run': { type: 'boolean' } },
    optionTexts: {
      vendor: {
        fr: 'seulement ces fabricants, séparés par des virgules',
        en: 'these vendors only, separated by commas',
      },
      all: {
        fr: 'garde aussi les codecs dont un exemple échoue',
        en: 'keeps codecs of which an example fails as well',
      },
      'dry-run': { fr: 'essaie et rend compte, sans rien garder', en: 'tries and reports, and keeps nothing' },
    },
    async run(context, [folder], values) {
      const pool = openScriptPool({ log: (_level, text) => context.progress(text) })
      try {
        const report = await importCodecs(await context.access(), pool, folder!, {
          vendors: textOption(values, 'vendor')?.split(','),
          all: values.all === true,
          dryRun: values['dry-run'] === true,
          onVendor: (vendor, done, total) => context.progress(`${done}/${total}  ${tellVendor(context, vendor)}`),
        })
        context.print(report, describe(context, report))
      } finally {
        await pool.close()
      }
    },
  },
}

function tellVendor({ language }: Context, { vendor, counts, kept }: VendorReport): string {
  const uplinks = counts.decodeUplink ?? { passed: 0, total: 0 }
  return language === 'fr'
    ? `${vendor} : ${uplinks.passed} exemples sur ${uplinks.total}, ${kept.added} modèles ajoutés`
    : `${vendor}: ${uplinks.passed} of ${uplinks.total} examples, ${kept.added} models added`
}

function describe({ language }: Context, report: ImportReport): string {
  const isFrench = language === 'fr'
  const lines: string[] = [`${isFrench ? 'Dépôt' : 'Repository'}: ${report.layout}`, '']
  lines.push(
    formatColumns([
      isFrench
        ? ['fabricant', 'codecs', 'modèles', 'montants', 'descendants', 'ajoutés', 'mis à jour', 'refusés']
        : ['vendor', 'codecs', 'models', 'uplinks', 'downlinks', 'added', 'updated', 'refused'],
      ...report.vendors.map(({ vendor, codecs, models, counts, kept }) => [
        vendor,
        codecs,
        models,
        tell(counts, ['decodeUplink']),
        tell(counts, ['encodeDownlink', 'decodeDownlink']),
        kept.added,
        kept.updated,
        kept.refused,
      ]),
    ]),
  )
  for (const { failures, problems, unmapped } of report.vendors) {
    for (const { codec, example, reason } of failures) lines.push(`! ${codec}: ${example}: ${reason}`)
    for (const { file, error } of problems) lines.push(`! ${file}: ${error}`)
    for (const { model, names } of unmapped)
      lines.push(`? ${model}: ${isFrench ? 'sans grandeur' : 'no quantity for'} ${names.join(', ')}`)
  }
  lines.push('')
  for (const operation of operations)
    if (report.counts[operation] !== undefined) lines.push(`${operation}: ${tell(report.counts, [operation])}`)
  return lines.join('\n')
}

function tell(counts: ImportReport['counts'], of: readonly (typeof operations)[number][]): string {
  const passed = of.reduce((sum, each) => sum + (counts[each]?.passed ?? 0), 0)
  const total = of.reduce((sum, each) => sum + (counts[each]?.total ?? 0), 0)
  return total === 0 ? '-' : `${passed}/${total}`
}
