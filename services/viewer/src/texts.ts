// Every text of the pages that no panel brings along, in Chinese and English; the reader's choice is kept in the browser.

export type Language = "zh" | "en";
/** A text of a generated file: both languages, one shown. */
export interface Words {
  zh: string;
  en: string;
}

const zh = {
  brand: "汇聚 · 运行监测",
  page: "运行监测",
  skip: "跳到正文",
  other: "English",
  boards: "仪表板",
  loading: "正在读取……",
  unknown: "未知",
  met: "达标",
  missed: "未达标",
  target: "目标：",
  atLeast: "不低于",
  atMost: "不高于",
  noHistory: "未知：所选时间内没有测量。",
  now: "此刻：",
  range: "时间范围",
  refresh: "自动刷新",
  off: "关",
  again: "立即刷新",
  updated: "更新于",
  hour: "小时",
  day: "天",
  minute: "分钟",
  second: "秒",
  days: "天",
  search: "按名称或代码查找",
  district: "区县",
  allDistricts: "全部区县",
  more: "全部显示",
  none: "没有符合的学校。",
  rows: "条",
  graph: "图：",
  hide: "点按可隐藏或显示一条线",
  signedOut: "请先登录",
  signedOutHint: "这些数据只给以下人员看：",
  how: "怎样登录：请平台工程师用下面的命令生成登录链接，在本浏览器中打开，再回到本页。",
  forbidden: "当前登录身份不能看这些数据",
  down: "读不到监测数据",
  downHint: "监测服务，或判断谁可以查看的服务，没有应答。此刻的状况未知，不能当作正常。可运行 huiju status 查看哪个部件出了问题。",
  old: "刷新失败，下面是较早的数据，截至",
  queryFailed: "这一项读不出来",
  boardsFailed: "仪表板读不出来",
  missing: "没有这个仪表板",
  detail: "技术信息：",
  retry: "重试",
  all: "全部仪表板",
  footer: "由汇聚（huiju）建设套件提供。时间均为本市时间。",
};

const en: typeof zh = {
  brand: "Huiju · Monitoring",
  page: "Monitoring",
  skip: "Skip to content",
  other: "中文",
  boards: "Dashboards",
  loading: "Loading…",
  unknown: "unknown",
  met: "on target",
  missed: "off target",
  target: "Target: ",
  atLeast: "at least",
  atMost: "at most",
  noHistory: "Unknown: nothing was measured in the time shown.",
  now: "Now: ",
  range: "Time range",
  refresh: "Auto refresh",
  off: "off",
  again: "Refresh now",
  updated: "Updated",
  hour: "h",
  day: "d",
  minute: "min",
  second: "s",
  days: "days",
  search: "Find by name or code",
  district: "District",
  allDistricts: "All districts",
  more: "Show all",
  none: "No school matches.",
  rows: "rows",
  graph: "Graph: ",
  hide: "Press to hide or show a line",
  signedOut: "Please sign in first",
  signedOutHint: "These figures are for:",
  how: "How to sign in: ask a platform engineer for a sign-in link, made with the command below; open it in this browser and come back.",
  forbidden: "You are signed in as someone who may not see these figures",
  down: "The measurements cannot be reached",
  downHint: "Monitoring, or the service that says who may see it, does not answer. How things are now is unknown, not good. huiju status says which part is down.",
  old: "Refreshing failed. What follows is old, as of",
  queryFailed: "This cannot be read",
  boardsFailed: "The dashboards cannot be read",
  missing: "There is no such dashboard",
  detail: "Technical detail: ",
  retry: "Try again",
  all: "All dashboards",
  footer: "Served by the huiju kit. Times are those of the city.",
};

const KEY = "language";

function stored(): string | null {
  try {
    return localStorage.getItem(KEY);
  } catch {
    return null; // storage may be switched off
  }
}

let current: Language = (stored() ?? navigator.language).startsWith("zh") ? "zh" : "en";

export const language = (): Language => current;
export const texts = (): typeof zh => (current === "zh" ? zh : en);
export const say = (words: Words): string => words[current];

/** Switch to the other language and remember it. */
export function switchLanguage(): void {
  current = current === "zh" ? "en" : "zh";
  try {
    localStorage.setItem(KEY, current);
  } catch {
    // the choice then lasts as long as the page
  }
}
