"""LangChain and LiteLLM's SDK against the gateway at GATEWAY; prints one JSON object of what they got."""

import json
import os

gateway = os.environ["GATEWAY"]
os.environ |= {"LITELLM_LOCAL_MODEL_COST_MAP": "True", "LITELLM_LOG": "ERROR", "LANGCHAIN_TRACING_V2": "false"}
KEY = "sk-agent"
MESSAGES = [{"role": "user", "content": "hi"}]
ADD = {"type": "function", "function": {"name": "add", "description": "Adds.", "parameters": {"type": "object", "properties": {"a": {"type": "integer"}, "b": {"type": "integer"}}}}}
got: dict[str, object] = {}


def langchain() -> None:
    from langchain_anthropic import ChatAnthropic
    from langchain_openai import ChatOpenAI, OpenAIEmbeddings

    chat = ChatOpenAI(model="small", base_url=f"{gateway}/v1", api_key=KEY, max_retries=0)
    got["langchain_openai"] = chat.invoke("hi").content
    got["langchain_openai_stream"] = "".join(str(piece.content) for piece in chat.stream("hi"))
    got["langchain_openai_tools"] = chat.bind_tools([ADD]).invoke("hi").tool_calls[0]["args"]
    vectors = OpenAIEmbeddings(model="small", base_url=f"{gateway}/v1", api_key=KEY, check_embedding_ctx_length=False, max_retries=0)
    got["langchain_embedding"] = vectors.embed_query("hi")
    claude = ChatAnthropic(model="claude", base_url=gateway, api_key=KEY, max_retries=0, max_tokens=50)
    got["langchain_anthropic"] = claude.invoke("hi").content
    got["langchain_anthropic_stream"] = "".join(piece.text if isinstance(piece.text, str) else piece.text() for piece in claude.stream("hi"))


def litellm() -> None:
    import litellm

    litellm.telemetry = False
    openai = {"model": "openai/small", "api_base": f"{gateway}/v1", "api_key": KEY, "num_retries": 0}
    got["litellm_openai"] = litellm.completion(messages=MESSAGES, **openai).choices[0].message.content
    got["litellm_openai_stream"] = "".join(piece.choices[0].delta.content or "" for piece in litellm.completion(messages=MESSAGES, stream=True, **openai) if piece.choices)
    got["litellm_embedding"] = litellm.embedding(input=["hi"], **openai).data[0]["embedding"]
    anthropic = {"model": "anthropic/claude", "api_base": gateway, "api_key": KEY, "num_retries": 0, "max_tokens": 50}
    got["litellm_anthropic"] = litellm.completion(messages=MESSAGES, **anthropic).choices[0].message.content
    try:
        litellm.completion(messages=MESSAGES, **openai | {"api_key": "sk-wrong"})
    except litellm.AuthenticationError as refused:
        got["litellm_refused"] = type(refused).__name__


langchain()
litellm()
print(json.dumps(got))
