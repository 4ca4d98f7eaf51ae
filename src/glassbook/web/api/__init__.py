"""JSON of the web notebook: serializers, metric curves and the stream of live events."""
