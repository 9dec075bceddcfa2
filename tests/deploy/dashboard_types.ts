// Types of a dashboard as JSON: the published ones name enumerations, of which a file has the values.
import type { Dashboard, Panel, RowPanel, TableFieldOptions } from "@grafana/schema";
import type * as barchart from "@grafana/schema/dist/esm/raw/composable/barchart/panelcfg/x/BarChartPanelCfg_types.gen";
import type * as bargauge from "@grafana/schema/dist/esm/raw/composable/bargauge/panelcfg/x/BarGaugePanelCfg_types.gen";
import type * as heatmap from "@grafana/schema/dist/esm/raw/composable/heatmap/panelcfg/x/HeatmapPanelCfg_types.gen";
import type * as stat from "@grafana/schema/dist/esm/raw/composable/stat/panelcfg/x/StatPanelCfg_types.gen";
import type * as timeline from "@grafana/schema/dist/esm/raw/composable/statetimeline/panelcfg/x/StateTimelinePanelCfg_types.gen";
import type * as table from "@grafana/schema/dist/esm/raw/composable/table/panelcfg/x/TablePanelCfg_types.gen";
import type * as text from "@grafana/schema/dist/esm/raw/composable/text/panelcfg/x/TextPanelCfg_types.gen";
import type * as timeseries from "@grafana/schema/dist/esm/raw/composable/timeseries/panelcfg/x/TimeSeriesPanelCfg_types.gen";

type Json<T> = unknown extends T ? T : T extends string ? `${T}` : T extends object ? { [K in keyof T]: Json<T[K]> } : T;

type Kind<Name extends string, Options, Custom> = Omit<Panel, "type" | "options" | "fieldConfig"> & {
  type: Name;
  options?: Partial<Options>;
  fieldConfig?: {
    defaults: Omit<NonNullable<Panel["fieldConfig"]>["defaults"], "custom"> & { custom?: Partial<Custom> };
    overrides: NonNullable<Panel["fieldConfig"]>["overrides"];
  };
};

type Nothing = Record<string, never>;
type AnyPanel =
  | Kind<"barchart", barchart.Options, barchart.FieldConfig>
  | Kind<"bargauge", bargauge.Options, Nothing>
  | Kind<"heatmap", heatmap.Options, heatmap.FieldConfig>
  | Kind<"stat", stat.Options, Nothing>
  | Kind<"state-timeline", timeline.Options, timeline.FieldConfig>
  | Kind<"table", table.Options, TableFieldOptions>
  | Kind<"text", text.Options, Nothing>
  | Kind<"timeseries", timeseries.Options, timeseries.FieldConfig>
  | RowPanel;

// What Prometheus adds to annotations is in its plugin, which publishes no types.
type Mark = NonNullable<NonNullable<Dashboard["annotations"]>["list"]>[number] & {
  expr: string;
  titleFormat: string;
  useValueForTime: "on" | false;
};

export type DashboardFile = Json<
  Omit<Dashboard, "panels" | "annotations"> & { panels: AnyPanel[]; annotations: { list: Mark[] } }
>;
