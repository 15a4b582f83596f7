import type { Point as PointGeometry } from 'geojson'
import type { GeoJSONSource, StyleSpecification } from 'maplibre-gl'
import { get } from '../api.ts'
import type { Colours } from './drawings.ts'
import { makeGround, outlineDistricts } from './ground.ts'
import { addAssetLayers, showChange, showChosen } from './layers.ts'
import { type Bounds, findBounds, type PointSet } from './points.svelte.ts'

/** Where a map looks: degrees, and the zoom of web maps. */
export type MapView = { longitude: number; latitude: number; zoom: number }

type Options = {
  set: PointSet
  view: MapView | null
  colours: Colours
  writeCount: (count: number) => string
  texts: { title: string; zoomIn: string; zoomOut: string; attribution: string }
  label: string
  isStill: boolean
  onchoose?: ((id: string | null) => void) | undefined
  onmove?: ((view: MapView, bounds: Bounds) => void) | undefined
}

const closeZoom = 17
const farthestZoom = 16
const usualView: MapView = { longitude: 2.45, latitude: 46.6, zoom: 5 }

/** Opens a map in an element. Throws where the browser has no WebGL. */
export async function openMap(container: HTMLElement, options: Options) {
  const { set, colours, isStill } = options
  if (!hasWebGl()) throw new Error('there is no WebGL')
  const [{ MapLibreMap, NavigationControl, Popup, ScaleControl }, style] = await Promise.all([
    import('./library.ts'),
    chooseStyle(colours),
  ])
  const all = findBounds(set.all())
  const map = new MapLibreMap({
    container,
    style,
    ...toCamera(options.view, all),
    minZoom: 2,
    maxZoom: 20,
    interactive: !isStill,
    dragRotate: false,
    pitchWithRotate: false,
    touchPitch: false,
    fadeDuration: 0,
    attributionControl: typeof style === 'string' ? { compact: true } : false,
    locale: {
      'Map.Title': options.label,
      'NavigationControl.ZoomIn': options.texts.zoomIn,
      'NavigationControl.ZoomOut': options.texts.zoomOut,
      'AttributionControl.ToggleAttribution': options.texts.attribution,
    },
  })
  map.keyboard.disableRotation()
  map.touchZoomRotate.disableRotation()
  if (!isStill) {
    map.addControl(new NavigationControl({ showCompass: false }), 'top-right')
    map.addControl(new ScaleControl({}), 'bottom-right')
  } else map.getCanvas().tabIndex = -1

  let chosen: string | null = null
  let hasFitted = options.view !== null || all !== null
  const showDistricts = () => void map.getSource<GeoJSONSource>('districts')?.setData(outlineDistricts(set.all()))
  const markChosen = () => showChosen(map, chosen === null ? null : (set.get(chosen) ?? null))

  map.on('style.load', () => {
    addAssetLayers(map, set, colours, options.writeCount)
    showDistricts()
    markChosen()
  })
  const stop = set.listen((change) => {
    showChange(map, set, change)
    if (change === null) showDistricts()
    markChosen()
    const bounds = hasFitted ? null : findBounds(set.all())
    if (bounds === null) return
    hasFitted = true
    map.fitBounds(toLibrary(bounds), { padding: 50, maxZoom: farthestZoom, animate: false })
  })

  const tell = () => {
    const { lng: longitude, lat: latitude } = map.getCenter()
    const bounds = map.getBounds()
    const [west, south, east, north] = [bounds.getWest(), bounds.getSouth(), bounds.getEast(), bounds.getNorth()]
    options.onmove?.({ longitude, latitude, zoom: map.getZoom() }, { west, south, east, north })
  }
  map.on('moveend', tell)
  map.on('load', tell)

  if (!isStill) {
    const tip = new Popup({ closeButton: false, closeOnClick: false, offset: 18, className: 'asset-tip' })
    map.on('click', async (event) => {
      const [found] = map.queryRenderedFeatures(event.point, { layers: ['assets'] })
      if (found === undefined) return options.onchoose?.(null)
      const { cluster_id: group, asset } = found.properties as { cluster_id?: number; asset?: string }
      if (group === undefined) return options.onchoose?.(asset!)
      const zoom = await map.getSource<GeoJSONSource>('assets')!.getClusterExpansionZoom(group)
      const [lng, lat] = (found.geometry as PointGeometry).coordinates as [number, number]
      map.easeTo({ center: { lng, lat }, zoom: zoom + 0.3 })
    })
    map.on('mousemove', 'assets', ({ features }) => {
      map.getCanvas().style.cursor = 'pointer'
      const asset = features?.[0]?.properties.asset as string | undefined
      const point = asset === undefined ? undefined : set.get(asset)
      if (point === undefined) return tip.remove()
      tip.setLngLat({ lng: point.longitude, lat: point.latitude }).setText(point.label).addTo(map)
    })
    map.on('mouseleave', 'assets', () => {
      map.getCanvas().style.cursor = ''
      tip.remove()
    })
  }

  return {
    view(): MapView {
      const { lng: longitude, lat: latitude } = map.getCenter()
      return { longitude, latitude, zoom: map.getZoom() }
    },
    choose(id: string | null) {
      chosen = id
      if (map.isStyleLoaded()) markChosen()
    },
    show(id: string) {
      const point = set.get(id)
      if (point === undefined) return
      const zoom = Math.max(map.getZoom(), closeZoom)
      map.easeTo({ center: { lng: point.longitude, lat: point.latitude }, zoom })
    },
    close() {
      stop()
      map.remove()
    },
  }
}

/** The style that the authority set, else the plain ground. */
async function chooseStyle(colours: Colours): Promise<string | StyleSpecification> {
  const { mapStyle } = await get<{ mapStyle: string | null }>('/settings')
  return mapStyle ?? makeGround(colours)
}

function toCamera(view: MapView | null, all: Bounds | null) {
  if (view === null && all !== null)
    return { bounds: toLibrary(all), fitBoundsOptions: { padding: 50, maxZoom: farthestZoom } }
  const { longitude: lng, latitude: lat, zoom } = view ?? usualView
  return { center: { lng, lat }, zoom }
}

function toLibrary({ west, south, east, north }: Bounds): [number, number, number, number] {
  return [west, south, east, north]
}

function hasWebGl(): boolean {
  return document.createElement('canvas').getContext('webgl2') !== null
}
