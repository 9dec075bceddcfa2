// Runs Grafana's own transformations over what Prometheus answered, and looks units up in Grafana's own list.
// Takes {tables: [{transformations, targets: [{refId, series: [{labels, value}]}]}], units: [...]} on standard input.
// Gives {tables: [[{column: value}]], unknown: [unit]}.

// Grafana's library is written for browsers and looks at these when it is loaded.
globalThis.window = globalThis;
globalThis.location = { href: "http://127.0.0.1/", pathname: "/", search: "" };
Object.defineProperty(globalThis, "navigator", { value: { language: "en", languages: ["en"] }, configurable: true });
globalThis.localStorage = { getItem: () => null, setItem: () => {} };

const { readFileSync } = require("node:fs");
const { FieldType, getValueFormats, standardTransformers, standardTransformersRegistry, toDataFrame, transformDataFrame } =
  require("@grafana/data");
const { firstValueFrom } = require("rxjs");

// The shape in which Grafana's Prometheus plugin hands on a query whose format is table.
function frameOf({ refId, series }, alone) {
  const labels = [...new Set(series.flatMap((each) => Object.keys(each.labels).sort()))];
  return toDataFrame({
    refId,
    fields: [
      { name: "Time", type: FieldType.time, values: series.map(() => 0) },
      ...labels.map((label) => ({
        name: label,
        type: FieldType.string,
        values: series.map((each) => each.labels[label] ?? ""),
      })),
      { name: alone ? "Value" : `Value #${refId}`, type: FieldType.number, values: series.map((each) => each.value) },
    ],
  });
}

function rowsOf(frames) {
  return frames.flatMap((frame) =>
    Array.from({ length: frame.length }, (_, row) =>
      Object.fromEntries(frame.fields.map((field) => [field.config.displayName ?? field.name, field.values[row] ?? null])),
    ),
  );
}

async function main() {
  const { tables, units } = JSON.parse(readFileSync(0, "utf8"));
  // Some stand in the list under an old name too.
  const byId = new Map(Object.values(standardTransformers).map((each) => [each.id, each]));
  standardTransformersRegistry.setInit(() =>
    [...byId.values()].map((transformation) => ({ id: transformation.id, name: transformation.name, transformation })),
  );
  const shown = [];
  for (const { transformations, targets } of tables) {
    const frames = targets.map((target) => frameOf(target, targets.length === 1));
    shown.push(rowsOf(await firstValueFrom(transformDataFrame(transformations, frames))));
  }
  const known = new Set(getValueFormats().flatMap((group) => group.submenu.map((unit) => unit.value)));
  const unknown = units.filter((unit) => !known.has(unit) && !unit.startsWith("suffix:"));
  console.log(JSON.stringify({ tables: shown, unknown }));
}

main();
