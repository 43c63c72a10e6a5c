// Every text of the pages, in Chinese and English; the reader's choice is kept in the browser.

export type Language = "zh" | "en";

const zh = {
  brand: "汇聚 · 名师资源库",
  page: "名师资源库",
  skip: "跳到正文",
  other: "English",
  lessons: "课程",
  intro: "全市名师录制的课程，全市学校都能看。",
  loading: "正在读取课程……",
  empty: "还没有发布的课程。",
  emptyHint: "运行 huiju lesson publish 发布第一节课后，它会出现在这里。",
  listFailed: "课程列表读不出来",
  again: "重试",
  back: "全部课程",
  missing: "没有这节课",
  missingHint: "它可能已被撤下，或者链接抄错了。",
  duration: "时长",
  teacher: "授课教师",
  subject: "学科",
  licence: "许可",
  published: "发布于",
  school: "学校",
  district: "区县",
  partner: "伙伴",
  quality: "清晰度",
  auto: "自动",
  playing: "正在播放",
  buffered: "已缓冲",
  seconds: "秒",
  player: "课程播放器",
  state: "播放状态",
  download: "下载（{size}）",
  notTaken: "不能下载：",
  liveNow: "正在直播",
  since: "{time} 开始",
  recordedLessons: "录制的课程",
  failed: "这节课现在放不出来",
  refused: "这节课不能播放",
  mine: "我能看什么",
  signIn: "登录",
  signOut: "退出登录",
  signedOut: "您还没有登录，下面是所有人都能看的。登录后会列出您的身份能看的内容；课程不能播放时，也会说明原因。",
  whoIAm: "我是谁",
  kind: "账号类别",
  myClasses: "我的班级",
  myChildren: "我的孩子",
  childElsewhere: "今天不在本市任何学校",
  noRoster: "这次登录没有说明您是全市名册中的哪一位，因此不列出班级和孩子。",
  noneInRoster: "全市名册中今天没有您的班级或孩子。",
  matrix: "能看什么",
  matrixOf: "“{tier}”类账号能做什么",
  what: "资源",
  may: "可以",
  whose: "谁的",
  nothing: "都不可以",
  everybody: "对所有人开放",
  notYet: "平台目前还没有提供",
  consent: "未满 {age} 岁的学生须监护人同意",
  licensed: "每一份还要看它的许可",
  signedIn: "已登录",
  standIn: "试用登录：由运维人员签发，不是账号登录",
  first: "第一次登录",
  firstIntro: "请按学校发的首次登录条填写。填完后，账号就建好了。",
  firstId: "学籍号",
  firstIdHint: "登录条上的“学籍号”。",
  firstCode: "一次性代码",
  firstCodeHint: "登录条上的十位代码，大小写和短横线都不要紧。",
  firstPassword: "新密码",
  firstPasswordHint: "自己选定，不要告诉别人。",
  firstAgain: "再输入一次新密码",
  firstAgainHint: "与上面的密码相同。",
  firstSend: "建立账号",
  firstEmpty: "请填写：",
  firstDiffer: "两次输入的密码不同，请重新输入。",
  firstUnclear: "现在无法建立账号，请稍后再试；登录条仍然有效。",
  firstDone: "账号已建好",
  firstName: "以后登录用的账号名：",
  unsupported: "这个浏览器不能播放 HLS 视频，请换用较新的浏览器。",
  network: "读不到视频文件。请检查网络，或稍后再试。",
  media: "视频文件无法解码。请告诉发布者。",
  detail: "技术信息",
  footer: "由汇聚（huiju）建设套件提供。",
};

const en: typeof zh = {
  brand: "Huiju · Master-teacher library",
  page: "Master-teacher library",
  skip: "Skip to content",
  other: "中文",
  lessons: "Lessons",
  intro: "Lessons recorded by the city’s master teachers, for every school in the city.",
  loading: "Loading lessons…",
  empty: "No lesson has been published yet.",
  emptyHint: "It will appear here once huiju lesson publish has run.",
  listFailed: "The list of lessons cannot be read",
  again: "Try again",
  back: "All lessons",
  missing: "There is no such lesson",
  missingHint: "It may have been removed, or the link is not complete.",
  duration: "Length",
  teacher: "Teacher",
  subject: "Subject",
  licence: "Licence",
  published: "Published",
  school: "School",
  district: "District",
  partner: "Partner",
  quality: "Quality",
  auto: "Automatic",
  playing: "Playing",
  buffered: "Buffered",
  seconds: "s",
  player: "Lesson player",
  state: "Playback",
  download: "Download ({size})",
  notTaken: "It may not be downloaded:",
  liveNow: "Live now",
  since: "since {time}",
  recordedLessons: "Recorded lessons",
  failed: "This lesson cannot be played now",
  refused: "This lesson may not be played",
  mine: "What may I see",
  signIn: "Sign in",
  signOut: "Sign out",
  signedOut: "You are not signed in: this is what everybody may see. Signed in, you find here what your kind of account may see, and a lesson that does not play says why.",
  whoIAm: "Who I am",
  kind: "Kind of account",
  myClasses: "My classes",
  myChildren: "My children",
  childElsewhere: "at no school of this city today",
  noRoster: "This sign-in does not say who you are in the city’s roster, so no classes and children are listed.",
  noneInRoster: "The city’s roster has no class and no child of yours today.",
  matrix: "What may be seen",
  matrixOf: "What accounts of the kind “{tier}” may do",
  what: "Resource",
  may: "May",
  whose: "Whose",
  nothing: "nothing",
  everybody: "open to everybody",
  notYet: "nothing of the platform gives this yet",
  consent: "for pupils below {age} a guardian has to have agreed",
  licensed: "each one also under its licence",
  signedIn: "Signed in",
  standIn: "Trial sign-in: made by the operator, not by an account",
  first: "First time here",
  firstIntro: "Fill this in from the slip that your school gave you. Your account is made then.",
  firstId: "Id",
  firstIdHint: "As it stands on your slip.",
  firstCode: "One-time code",
  firstCodeHint: "The ten characters on your slip; capitals and the hyphen do not matter.",
  firstPassword: "New password",
  firstPasswordHint: "Your own choice; tell it to nobody.",
  firstAgain: "New password again",
  firstAgainHint: "The same as above.",
  firstSend: "Make my account",
  firstEmpty: "Please fill in:",
  firstDiffer: "The two passwords differ: type them again.",
  firstUnclear: "Your account cannot be made now: try again later; your slip has not been used.",
  firstDone: "Your account is there",
  firstName: "Your name for signing in:",
  unsupported: "This browser cannot play HLS video. Please use a newer one.",
  network: "The video cannot be reached. Check the network, or try again later.",
  media: "The video cannot be decoded. Please tell its publisher.",
  detail: "Technical detail",
  footer: "Served by the huiju kit.",
};

const KEY = "language";

function stored(): string | null {
  try {
    return localStorage.getItem(KEY);
  } catch {
    return null; // storage may be switched off
  }
}

function initial(): Language {
  const choice = stored() ?? navigator.language;
  return choice.startsWith("zh") ? "zh" : "en";
}

let current: Language = initial();

export const language = (): Language => current;
export const texts = (): typeof zh => (current === "zh" ? zh : en);

/** Switch to the other language and remember it. */
export function switchLanguage(): void {
  current = current === "zh" ? "en" : "zh";
  try {
    localStorage.setItem(KEY, current);
  } catch {
    // the choice then lasts as long as the page
  }
}
