import type { Command } from './command.ts'

export const verifyCommands: Record<string, Command> = {
  verify: {
    usage: 'verify',
    summary: {
      fr: 'Contrôle tout ce qui est conservé ; code 1 si quelque chose est abîmé',
      en: 'Checks all that is kept; exit code 1 if something is damaged',
    },
    words: 0,
    options: {},
    async run({ config, print, fail, language }) {
      const { verifyData } = await import('../store/verify.ts')
      const report = await verifyData(config.PARVIS_DATA_DIR)
      const { segments, uplinks } = report.journal
      const summary = {
        fr: `journal : ${uplinks} messages en ${segments} segments ; ${report.isSound ? 'tout est sain' : 'des données sont abîmées :'}`,
        en: `journal: ${uplinks} uplinks in ${segments} segments; ${report.isSound ? 'all is sound' : 'data are damaged:'}`,
      }
      print(report, [summary[language], ...report.found].join('\n'))
      if (!report.isSound) fail()
    },
  },
}
