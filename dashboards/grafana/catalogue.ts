import type { DashboardDefinition } from './dashboard.ts'
import { energyWater } from './energy-water.ts'
import { fleet } from './fleet.ts'
import { lighting } from './lighting.ts'
import { parkingFurniture } from './parking-furniture.ts'
import { schoolAir } from './school-air.ts'
import { waste } from './waste.ts'

/** Every dashboard. Adding one is a file and its line here. */
export const dashboards: readonly DashboardDefinition[] = [
  waste,
  lighting,
  energyWater,
  schoolAir,
  parkingFurniture,
  fleet,
]
