import type { Feature, FeatureCollection } from 'geojson'
import type { ExpressionSpecification, GeoJSONSource, GeoJSONSourceDiff, Map as MapLibreMap } from 'maplibre-gl'
import type { AssetState } from '../../../../domain/asset.ts'
import type { AssetKind } from '../../../../domain/asset-kind.ts'
import { assetStates } from '../asset-states.ts'
import { arcSteps, type Colours, drawGroup, drawPoint, pixelRatio } from './drawings.ts'
import type { Point, PointChange, PointSet } from './points.svelte.ts'

/* The assets on a map: one source that groups what is near, and a picture for each group and asset. */

/** Groups of other numbers are drawn as they come; past this many pictures all are drawn anew. */
const maxPictures = 1500

const groupRadius = 48
const lastGroupedZoom = 16

const count: ExpressionSpecification = ['get', 'point_count']
// Two digits of large numbers, so that pictures are few.
const rounded: ExpressionSpecification = [
  'case',
  ['<', count, 1000],
  count,
  ['<', count, 10_000],
  ['*', 100, ['round', ['/', count, 100]]],
  ['*', 1000, ['round', ['/', count, 1000]]],
]
// What is there at all has an arc.
const arcs = assetStates.map(
  (state): ExpressionSpecification => ['to-string', ['ceil', ['*', arcSteps, ['/', ['get', state], count]]]],
)

/** Adds the layers of the assets to a map whose style is loaded. */
export function addAssetLayers(map: MapLibreMap, colours: Colours, writeCount: (count: number) => string) {
  drawWhatIsMissing(map, colours, writeCount)
  map.addSource('assets', {
    type: 'geojson',
    data: toFeatures([]),
    cluster: true,
    clusterRadius: groupRadius,
    clusterMaxZoom: lastGroupedZoom,
    clusterProperties: Object.fromEntries(
      assetStates.map((state) => [state, ['+', ['case', ['==', ['get', 'state'], state], 1, 0]]]),
    ),
    maxzoom: lastGroupedZoom + 1,
    tolerance: 0,
  })
  map.addLayer({
    id: 'assets',
    type: 'symbol',
    source: 'assets',
    layout: {
      'icon-image': [
        'case',
        ['has', 'point_count'],
        ['concat', 'group|', ['to-string', rounded], ...arcs.flatMap((arc): ['|', typeof arc] => ['|', arc])],
        ['concat', 'asset|', ['get', 'kind'], '|', ['get', 'state']],
      ],
      'icon-allow-overlap': true,
      'icon-ignore-placement': true,
      'symbol-sort-key': ['coalesce', count, 0],
    },
  })
}

function drawWhatIsMissing(map: MapLibreMap, colours: Colours, writeCount: (count: number) => string): void {
  const drawn: string[] = []
  map.setMissingStyleImageResolver((id) => {
    const [what, ...words] = id.split('|')
    let picture: ImageData
    if (what === 'asset') picture = drawPoint(words[0] as AssetKind, words[1] as AssetState, colours)
    else if (what === 'group') {
      const [number, ...parts] = words.map(Number) as [number, ...number[]]
      const byState = Object.fromEntries(assetStates.map((state, i) => [state, parts[i] ?? 0]))
      picture = drawGroup(writeCount(number), number, byState as Record<AssetState, number>, colours)
      drawn.push(id)
    } else return
    if (drawn.length > maxPictures) for (const old of drawn.splice(0, maxPictures / 2)) map.removeImage(old)
    if (!map.hasImage(id)) map.addImage(id, picture, { pixelRatio })
  })
}

/** Brings the assets of a map up to date: what changed, or all of them. */
export function showChange(map: MapLibreMap, set: PointSet, change: PointChange | null): void {
  const source = map.getSource<GeoJSONSource>('assets')
  if (source === undefined) return
  if (change === null) void source.setData(toFeatures(set.all()))
  else void source.updateData(toDiff(change))
}

function toDiff({ put, removed }: PointChange): GeoJSONSourceDiff {
  // A feature that is added under a number that is there takes its place.
  return { remove: removed.map((each) => each.number), add: put.map(toFeature) }
}

function toFeatures(points: Iterable<Point>): FeatureCollection {
  return { type: 'FeatureCollection', features: Array.from(points, toFeature) }
}

function toFeature({ number, id, kind, state, longitude, latitude }: Point): Feature {
  return {
    type: 'Feature',
    id: number,
    properties: { asset: id, kind, state },
    geometry: { type: 'Point', coordinates: [longitude, latitude] },
  }
}
