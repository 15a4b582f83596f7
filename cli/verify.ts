import type { Command } from './command.ts'

export const verifyCommands: Record<string, Command> = {
  verify: {
    usage: 'verify',
    summary: { fr: 'Contrôle les données conservées', en: 'Checks the data that are kept' },
    words: 0,
    options: {},
    async run({ config, print }) {
      const { verifyData } = await import('../store/verify.ts')
      const report = await verifyData(config.PARVIS_DATA_DIR)
      print(report, JSON.stringify(report, null, 2))
      if (!report.isSound) process.exitCode = 1
    },
  },
}
