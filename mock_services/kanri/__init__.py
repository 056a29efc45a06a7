"""マイナポータル申請管理: the staff's screen on an LGWAN接続系 terminal (status by hand, manual download in an outage)."""
