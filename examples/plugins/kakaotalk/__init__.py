"""KakaoTalk as a channel: a chatbot skill in, its one-time callback out."""
