"""Apache Kafka as a stream, when one machine is not enough."""

from ticker.streams.kafka.address import KafkaAddress, secured
from ticker.streams.kafka.stream import KafkaLog, KafkaStream
from ticker.streams.kafka.topics import TopicPlan

__all__ = ["KafkaAddress", "KafkaLog", "KafkaStream", "TopicPlan", "secured"]
