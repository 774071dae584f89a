// Questions to the exporter.

const ANSWER_MILLISECONDS = 20000;

export async function ask(path) {
  const answer = await fetch(path, { signal: AbortSignal.timeout(ANSWER_MILLISECONDS) });
  if (!answer.ok) throw new Error(`it answers ${answer.status}`);
  return answer.json();
}

// Why a question has failed, as text.
export function reason(error) {
  return error.message.startsWith("it answers") ? error.message : "it cannot be reached";
}
