import { accountCommands } from './account.ts'
import { assetCommands } from './asset.ts'
import { bridgeCommands } from './bridge.ts'
import { codecCommands } from './codec.ts'
import type { Command } from './command.ts'
import { compactCommands } from './compact.ts'
import { copyCommands } from './copy.ts'
import { deadLetterCommands } from './dead-letter.ts'
import { deviceCommands } from './device.ts'
import { deviceCommandCommands } from './device-command.ts'
import { exportCommands } from './export.ts'
import { grafanaCommands } from './grafana.ts'
import { importCommands } from './import.ts'
import { installCommands } from './install.ts'
import { integrationCommands } from './integration.ts'
import { meterCommands } from './meter.ts'
import { modelCommands } from './model.ts'
import { replayCommands } from './replay.ts'
import { simulateCommands } from './simulate.ts'
import { tokenCommands } from './token.ts'
import { verifyCommands } from './verify.ts'

/** Every verb, by its words. Adding one is a file and its line here. */
export const commands: ReadonlyMap<string, Command> = new Map(
  Object.entries({
    ...deviceCommands,
    ...deviceCommandCommands,
    ...assetCommands,
    ...importCommands,
    ...installCommands,
    ...meterCommands,
    ...integrationCommands,
    ...bridgeCommands,
    ...codecCommands,
    ...modelCommands,
    ...deadLetterCommands,
    ...tokenCommands,
    ...accountCommands,
    ...exportCommands,
    ...replayCommands,
    ...copyCommands,
    ...grafanaCommands,
    ...simulateCommands,
    ...verifyCommands,
    ...compactCommands,
  }),
)
