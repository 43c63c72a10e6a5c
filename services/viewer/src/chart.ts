// Lines over time on a canvas. Of ECharts only what draws them is bundled. Tooltips are drawn too: as HTML they would be markup made of names.

import { LineChart, type LineSeriesOption } from "echarts/charts";
import { GridComponent, MarkLineComponent, TooltipComponent } from "echarts/components";
import { type EChartsType, init, use } from "echarts/core";
import { CanvasRenderer } from "echarts/renderers";
import type { Limit, Unit } from "./boards";
import { moment, shown, tick } from "./format";
import { type Span, step } from "./prometheus";

use([LineChart, GridComponent, MarkLineComponent, TooltipComponent, CanvasRenderer]);

export interface Stroke {
  name: string;
  colour: string;
  dash: "solid" | "dashed" | "dotted";
  points: [number, number][];
}
export interface Picture {
  unit: Unit;
  limit: Limit | null;
  span: Span;
  strokes: Stroke[];
}

const variable = (name: string): string => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

/** Points in milliseconds, with a hole wherever nothing was measured. */
function holed(points: [number, number][], width: number): [number, number | null][] {
  return points.flatMap(([at, value], place): [number, number | null][] => {
    const before = points[place - 1]?.[0];
    const hole: [number, null][] = before !== undefined && at - before > width * 1.5 ? [[(before + width) * 1000, null]] : [];
    return [...hole, [at * 1000, value]];
  });
}

function line(stroke: Stroke, picture: Picture): LineSeriesOption {
  const width = step(picture.span);
  return {
    type: "line",
    name: stroke.name,
    data: holed(stroke.points, width),
    // A single measurement between two holes would otherwise not be seen.
    showSymbol: stroke.points.length < 3,
    symbolSize: 5,
    lineStyle: { width: 2, type: stroke.dash, color: stroke.colour },
    itemStyle: { color: stroke.colour },
    emphasis: { disabled: true },
  };
}

function bound(limit: Limit): LineSeriesOption {
  const lineStyle = { type: "dashed" as const, color: variable("--ink"), width: 1.5 };
  return { type: "line", data: [], markLine: { silent: true, symbol: "none", data: [{ yAxis: limit.value }], label: { show: false }, lineStyle } };
}

/** The four steps of the axis, in round figures, with room for the lines and for the limit. A share ends at the whole. */
export function steps({ unit, limit, strokes }: Picture): { min: number; max: number; interval: number } {
  const values = [...(limit ? [limit.value] : []), ...strokes.flatMap(({ points }) => points.map(([, value]) => value))];
  if (unit === "ratio") {
    const lowest = Math.min(1, ...values);
    const interval = [0.01, 0.025, 0.05, 0.1, 0.25].find((each) => 1 - 4 * each <= lowest) ?? 0.25;
    return { min: 1 - 4 * interval, max: 1, interval };
  }
  const rough = (Math.max(0, ...values) || 1) * 1.1;
  const unitOf = 10 ** Math.floor(Math.log10(rough / 4));
  const pace = [1, 2, 2.5, 5, 10].map((each) => each * unitOf).find((each) => each * 4 >= rough) ?? rough / 4;
  const interval = unit === "count" ? Math.ceil(pace) : pace;
  return { min: 0, max: interval * 4, interval };
}

export class Chart {
  private readonly chart: EChartsType;
  private readonly watch: ResizeObserver;
  private picture: Picture | null = null;

  constructor(place: HTMLElement) {
    this.chart = init(place, null, { renderer: "canvas" });
    this.watch = new ResizeObserver(() => this.chart.resize());
    this.watch.observe(place);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", this.repaint);
  }

  private readonly repaint = (): void => {
    if (this.picture) this.draw(this.picture);
  };

  draw(picture: Picture): void {
    this.picture = picture;
    const { span, unit, limit, strokes } = picture;
    const soft = variable("--soft");
    const grid = { lineStyle: { color: variable("--line") } };
    this.chart.setOption(
      {
        animation: false,
        grid: { left: 8, right: 16, top: 16, bottom: 8, containLabel: true },
        tooltip: {
          trigger: "axis",
          renderMode: "richText",
          confine: true,
          backgroundColor: variable("--card"),
          borderColor: variable("--line"),
          textStyle: { color: variable("--ink"), fontSize: 13 },
          formatter: (rows: unknown) => tip(rows, unit),
        },
        xAxis: {
          type: "time",
          min: (span.end - span.seconds) * 1000,
          max: span.end * 1000,
          axisLabel: { color: soft, hideOverlap: true, formatter: (at: number) => tick(at / 1000, span.seconds) },
          axisLine: grid,
          splitLine: { show: false },
        },
        yAxis: { type: "value", ...steps(picture), axisLabel: { color: soft, formatter: (value: number) => shown(value, unit) }, splitLine: grid },
        series: [...strokes.map((stroke) => line(stroke, picture)), ...(limit ? [bound(limit)] : [])],
      },
      { notMerge: true },
    );
  }

  close(): void {
    matchMedia("(prefers-color-scheme: dark)").removeEventListener("change", this.repaint);
    this.watch.disconnect();
    this.chart.dispose();
  }
}

function tip(rows: unknown, unit: Unit): string {
  const found = (Array.isArray(rows) ? rows : [rows]) as { seriesName: string; value: [number, number | null] }[];
  const first = found[0];
  if (!first) return "";
  return [moment(first.value[0] / 1000), ...found.map(({ seriesName, value }) => `${seriesName}  ${shown(value[1], unit)}`)].join("\n");
}
