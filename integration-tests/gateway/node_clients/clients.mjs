// Each official client against the gateway at GATEWAY; prints one JSON object of what it got.
import Anthropic from "@anthropic-ai/sdk";
import { createAnthropic } from "@ai-sdk/anthropic";
import { createOpenAI } from "@ai-sdk/openai";
import { generateText, streamText } from "ai";
import OpenAI from "openai";

const gateway = process.env.GATEWAY;
const apiKey = "sk-agent";
const messages = [{ role: "user", content: "hi" }];
const got = {};

const openai = new OpenAI({ baseURL: `${gateway}/v1`, apiKey, maxRetries: 0 });
got.openai_plain = (await openai.chat.completions.create({ model: "small", messages })).choices[0].message.content;
got.openai_stream = "";
for await (const piece of await openai.chat.completions.create({ model: "small", messages, stream: true })) {
  got.openai_stream += piece.choices[0]?.delta?.content ?? "";
}
got.openai_embedding = (await openai.embeddings.create({ model: "small", input: "hi" })).data[0].embedding;
got.openai_responses = (await openai.responses.create({ model: "small", input: "hi" })).output_text;
try {
  await new OpenAI({ baseURL: `${gateway}/v1`, apiKey: "sk-wrong", maxRetries: 0 }).models.list();
} catch (error) {
  got.openai_refused = error.constructor.name;
}

const anthropic = new Anthropic({ baseURL: gateway, apiKey, maxRetries: 0 });
got.anthropic_plain = (await anthropic.messages.create({ model: "claude", max_tokens: 50, messages })).content[0].text;
got.anthropic_stream = await anthropic.messages.stream({ model: "claude", max_tokens: 50, messages }).finalText();

// "openai(model)" speaks /v1/responses, "openai.chat(model)" /v1/chat/completions.
const ai = createOpenAI({ baseURL: `${gateway}/v1`, apiKey });
got.ai_responses = (await generateText({ model: ai("small"), prompt: "hi", maxRetries: 0 })).text;
got.ai_chat = (await generateText({ model: ai.chat("small"), prompt: "hi", maxRetries: 0 })).text;
got.ai_stream = await streamText({ model: ai("small"), prompt: "hi", maxRetries: 0 }).text;
const claude = createAnthropic({ baseURL: `${gateway}/v1`, apiKey });
got.ai_anthropic = (await generateText({ model: claude("claude"), prompt: "hi", maxRetries: 0 })).text;

console.log(JSON.stringify(got));
