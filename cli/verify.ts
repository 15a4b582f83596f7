import { existsSync } from 'node:fs'
import type { Config } from '../config.ts'
import { type AuditReport, checkAudit } from '../inventory/audit-check.ts'
import { checkDocuments } from '../inventory/documents.ts'
import { readAuditHeads } from '../store/audit-heads.ts'
import { openRegistry } from '../store/registry.ts'
import { registryFile } from '../store/registry-sqlite.ts'
import { type Command, textOption } from './command.ts'

export const verifyCommands: Record<string, Command> = {
  verify: {
    usage: 'verify [--head hash]',
    summary: {
      fr: 'Contrôle tout ce qui est conservé ; code 1 si quelque chose est abîmé',
      en: 'Checks all that is kept; exit code 1 if something is damaged',
    },
    words: 0,
    options: { head: { type: 'string' } },
    optionTexts: {
      head: {
        fr: 'empreinte notée auparavant, à retrouver dans le journal des changements',
        en: 'hash noted down before, to be found in the audit',
      },
    },
    async run({ config, print, fail, language }, _, values) {
      const { verifyData } = await import('../store/verify.ts')
      const data = await verifyData(config.PARVIS_DATA_DIR)
      const audit = await verifyAudit(config, textOption(values, 'head'))
      const found = [...data.found, ...audit.found]
      const report = { ...data, isSound: found.length === 0, audit, found }
      const { segments, uplinks } = report.journal
      const summary = {
        fr: `journal : ${uplinks} messages, ${segments} fichiers ; ${report.isSound ? 'tout est sain' : 'des données sont abîmées :'}`,
        en: `journal: uplinks ${uplinks}, files ${segments}; ${report.isSound ? 'all is sound' : 'data are damaged:'}`,
      }
      const told = {
        fr: `changements : ${audit.changes} en ${audit.entries} écritures ; tête ${audit.head?.hash ?? '-'}`,
        en: `audit: ${audit.changes} changes in ${audit.entries} entries; head ${audit.head?.hash ?? '-'}`,
      }
      print(report, [summary[language], told[language], ...report.found].join('\n'))
      if (!report.isSound) fail()
    },
  },
}

// A reader's connection: a check changes nothing, not even the schema.
async function verifyAudit(config: Config, head: string | undefined): Promise<AuditReport> {
  try {
    const place = { dataDir: config.PARVIS_DATA_DIR, database: config.PARVIS_REGISTRY, readOnly: true }
    const registry = await openRegistry(place)
    try {
      const report = await checkAudit({ registry }, head)
      return { ...report, found: [...report.found, ...(await checkDocuments({ registry }))] }
    } finally {
      await registry.destroy()
    }
  } catch (error) {
    // A folder in which nothing was ever changed has no registry.
    if (config.PARVIS_REGISTRY === 'sqlite' && !existsSync(registryFile(config.PARVIS_DATA_DIR)))
      if (readAuditHeads(config.PARVIS_DATA_DIR).length === 0) return { entries: 0, changes: 0, head: null, found: [] }
    return { entries: 0, changes: 0, head: null, found: [`the audit cannot be read: ${(error as Error).message}`] }
  }
}
