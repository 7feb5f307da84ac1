// The page's own words, English and 中文. What the bot says is decided by the workers, not here.

const WORDS = {
  en: {
    skip: "Skip to the message field", you: "You are", language: "Language", logout: "Log out", panel: "What it knows",
    conversation: "Conversation", messages: "Messages", commands: "Commands",
    linked: "live", linking: "connecting…", lost: "connection lost, trying again…",
    play: "Play a sample conversation", playShort: "Play sample", stop: "Stop", playing: "Playing {done} of {total}",
    notEnabled: "This channel is not enabled: nothing is stored, nothing is answered.", enable: "Enable it",
    emptyTitle: "A channel that learns from your reactions",
    empty1: "Write a message below, or let the sample conversation play.",
    empty2: "Put an emoji on a message: that is a label, and the next answers take it into account.",
    empty3: "Type /retrain after a few dozen labels: a new model is trained, and takes over only if it does no worse.",
    newer: "New messages ↓", cancelReply: "Don't reply", write: "A message, or / for commands", send: "Send",
    hint: "Enter sends · Shift+Enter new line · / commands · ↑ to the messages, then 1–9 put a label on one",
    waiting: "Not read yet: {count}. The model is being loaded; nothing is lost.",
    replyingTo: "Replying to {name}: {text}", typeIt: "Put it into the message field", react: "Put a label on this message", reply: "Reply", edit: "Edit",
    remove: "Delete", sure: "Delete it?", save: "Save", keep: "Cancel", more: "Show all", less: "Show less",
    edited: "edited", gone: "This message was deleted.", sending: "sending…", bot: "bot",
    unstored: "not stored: this channel is not enabled",
    guess: "guess", predicts: "The bot: {label}, {percent}", guesses: "The bot guesses: {label}, {percent}",
    confirm: "{what}. Click to confirm it.", byPeople: "{emoji} {label}: {names}", join: "click to agree", leave: "click to withdraw",
    pickerTitle: "An emoji is a label", pickerHint: "Choosing one teaches the bot what kind of message this is.",
    noLabels: "There are no labels yet. Try: /labels add 🐛 bug",
    admin: "admin", download: "Download {name}", downloadAgain: "{name}: run the command again to get the file",
    mode: "Mode", shadow: "Shadow", suggest: "Suggest", shadowHelp: "It watches and stays silent.",
    suggestHelp: "It puts its emoji where it is sure enough.",
    head: "Head", headLearned: "Learned from {labelled} labelled of {messages} messages · revision {revision}",
    headEmpty: "No labels yet: it compares messages with the names and descriptions of the labels.",
    disputed: "{count} disputed", labels: "Labels", labelCount: "{name}: {count} messages",
    accuracy: "Accuracy as it learned", accuracyHelp: "Every prediction, shown or not, judged before its label was given, over the last 50.",
    accuracyEmpty: "The curve begins with the first labels.", accuracyNow: "{percent} after {labels} labels",
    coverage: "Speaks about {coverage} of messages, right {precision} of the time.",
    coverageAlone: "Speaks about {coverage} of messages; how often that is right is not known yet.",
    coverageUnknown: "How often it speaks is not known yet.", coverageHelp: "Of the latest 100 messages, and of those that people labelled too.",
    versions: "Model versions", active: "active", candidate: "candidate", retired: "retired", base: "base",
    rollback: "Roll back", promote: "Promote", retrain: "Retrain", ask: "Ask me",
    jobs: "Jobs", noJobs: "No job has run yet. /retrain starts one.", cancel: "Cancel",
    queued: "queued", running: "running", done: "done", failed: "failed", cancelled: "cancelled",
    starting: "starting", loading: "loading", encoding: "reading texts", "fine-tuning": "fine-tuning", evaluating: "evaluating", saving: "saving",
    "cross-validation": "cross-validation",
    train: "training", pretrain: "pretraining", distil: "distilling", evaluate: "measuring", tune: "tuning",
    pretraining: "pretraining", distilling: "distilling", trial: "trial",
    spokenMany: "{count} new messages", spokenOne: "{name}: {text}",
    empty: "There is nothing in this message; write something first.",
    too_long: "This message is too long; split it.", not_yours: "Only whoever wrote a message can change it.",
    malformed: "That was not understood; reload the page.",
    retrying: "It could not be stored yet; the page keeps trying.",
    notStored: "Not stored: this channel is not enabled.",
  },
  zh: {
    skip: "跳到输入框", you: "你是", language: "语言", logout: "退出登录", panel: "它学会了什么",
    conversation: "对话", messages: "消息", commands: "命令",
    linked: "已连接", linking: "连接中…", lost: "连接已断开，正在重试…",
    play: "播放示例对话", playShort: "播放示例", stop: "停止", playing: "正在播放 {done} / {total}",
    notEnabled: "这个频道还没有启用：不会保存，也不会回答。", enable: "启用",
    emptyTitle: "从你的表情回应中学习的频道",
    empty1: "在下面写一条消息，或者播放示例对话。",
    empty2: "给消息点一个表情：这就是标签，之后的回答会参考它。",
    empty3: "有几十个标签后输入 /retrain：训练出的新模型不比旧模型差才会接替它。",
    newer: "有新消息 ↓", cancelReply: "不回复", write: "写消息，或输入 / 使用命令", send: "发送",
    hint: "回车发送 · Shift+回车换行 · / 命令 · ↑ 选择消息，再按 1–9 打标签",
    waiting: "尚未处理：{count}。模型正在加载，不会丢失。",
    replyingTo: "回复 {name}：{text}", typeIt: "填入输入框", react: "给这条消息打标签", reply: "回复", edit: "编辑",
    remove: "删除", sure: "确定删除？", save: "保存", keep: "取消", more: "展开全文", less: "收起",
    edited: "已编辑", gone: "这条消息已删除。", sending: "发送中…", bot: "机器人",
    unstored: "未保存：这个频道没有启用",
    guess: "猜测", predicts: "机器人认为：{label}，{percent}", guesses: "机器人猜测：{label}，{percent}",
    confirm: "{what}。点击确认。", byPeople: "{emoji} {label}：{names}", join: "点击表示同意", leave: "点击撤回",
    pickerTitle: "表情就是标签", pickerHint: "选一个，告诉机器人这是哪一类消息。",
    noLabels: "还没有标签。试试：/labels add 🐛 bug",
    admin: "管理员", download: "下载 {name}", downloadAgain: "{name}：再运行一次命令即可得到文件",
    mode: "模式", shadow: "旁听", suggest: "建议", shadowHelp: "只看不说。", suggestHelp: "有把握时才点上表情。",
    head: "分类头", headLearned: "{messages} 条消息中有 {labelled} 条带标签 · 修订 {revision}",
    headEmpty: "还没有标签：暂时拿消息和标签的名称、说明作比较。",
    disputed: "{count} 条有争议", labels: "标签", labelCount: "{name}：{count} 条",
    accuracy: "边学边测的准确率", accuracyHelp: "在人打标签之前作出的全部判断（包括没有给出的），取最近 50 条。",
    accuracyEmpty: "有了第一批标签，曲线就会出现。", accuracyNow: "{labels} 个标签后为 {percent}",
    coverage: "对 {coverage} 的消息给出标签，其中 {precision} 正确。",
    coverageAlone: "对 {coverage} 的消息给出标签，正确率尚不清楚。", coverageUnknown: "给出标签的比例尚不清楚。",
    coverageHelp: "取最近 100 条消息；正确率只看人也打过标签的。",
    versions: "模型版本", active: "使用中", candidate: "候选", retired: "已退役", base: "基础",
    rollback: "回退", promote: "启用", retrain: "重新训练", ask: "问我",
    jobs: "任务", noJobs: "还没有任务。输入 /retrain 开始一个。", cancel: "取消",
    queued: "排队中", running: "进行中", done: "完成", failed: "失败", cancelled: "已取消",
    starting: "启动", loading: "加载模型", encoding: "读取文本", "fine-tuning": "微调", evaluating: "评估", saving: "保存",
    "cross-validation": "交叉验证",
    train: "训练", pretrain: "预训练", distil: "蒸馏", evaluate: "评估", tune: "调参",
    pretraining: "预训练", distilling: "蒸馏", trial: "试验",
    spokenMany: "{count} 条新消息", spokenOne: "{name}：{text}",
    empty: "消息是空的，请先写点内容。", too_long: "消息太长，请分成几条。", not_yours: "只有作者本人能修改这条消息。",
    malformed: "没有看懂，请刷新页面。", retrying: "暂时没能保存，页面会继续尝试。", notStored: "未保存：这个频道没有启用。",
  },
};

let language = remembered() ?? (navigator.language.toLowerCase().startsWith("zh") ? "zh" : "en");

function remembered() {
  const kept = localStorage.getItem("backchannel.language");
  return kept in WORDS ? kept : null;
}

export function speaks() {
  return language;
}

export function speak(chosen) {
  language = chosen;
  localStorage.setItem("backchannel.language", chosen);
}

export function has(key) {
  return key in WORDS.en;
}

export function word(key, values = {}) {
  const text = WORDS[language][key] ?? WORDS.en[key] ?? key;
  return text.replace(/\{(\w+)\}/g, (_, name) => values[name] ?? "");
}

export function percent(share) {
  return `${Math.round(share * 100)}%`;
}

export function clock(at) {
  return new Date(at * 1000).toLocaleTimeString(language === "zh" ? "zh-CN" : "en-GB", { hour: "2-digit", minute: "2-digit" });
}

export function day(at) {
  const style = { weekday: "long", month: "long", day: "numeric" };
  return new Date(at * 1000).toLocaleDateString(language === "zh" ? "zh-CN" : "en-GB", style);
}

// Fill in every element of the page that says which of the words it carries.
export function translate(root = document) {
  document.documentElement.lang = language === "zh" ? "zh-CN" : "en";
  for (const element of root.querySelectorAll("[data-word]")) element.textContent = word(element.dataset.word);
  for (const element of root.querySelectorAll("[data-label]")) element.setAttribute("aria-label", word(element.dataset.label));
  for (const element of root.querySelectorAll("[data-placeholder]")) element.placeholder = word(element.dataset.placeholder);
}
