package pixelzoo

import (
	"context"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// explainCall is a grpc.UnaryClientInterceptor that says what to do where no server answered. It is an interceptor, so
// that the stubs' errors say it too: of an error alone nobody knows the target.
func explainCall(
	ctx context.Context, method string, request, reply interface{}, connection *grpc.ClientConn,
	invoker grpc.UnaryInvoker, options ...grpc.CallOption,
) error {
	return explained(invoker(ctx, method, request, reply, connection, options...), connection.Target())
}

// explainStream is a grpc.StreamClientInterceptor that does the same.
func explainStream(
	ctx context.Context, description *grpc.StreamDesc, connection *grpc.ClientConn, method string,
	streamer grpc.Streamer, options ...grpc.CallOption,
) (grpc.ClientStream, error) {
	opened, err := streamer(ctx, description, connection, method, options...)
	if err != nil {
		return nil, explained(err, connection.Target())
	}
	return explainedStream{opened, connection.Target()}, nil
}

type explainedStream struct {
	grpc.ClientStream
	target string
}

func (s explainedStream) RecvMsg(reply interface{}) error {
	return explained(s.ClientStream.RecvMsg(reply), s.target)
}

// explained names target and remedy if nobody answered; a server of pixelzoo sends details along.
func explained(err error, target string) error {
	answer := status.Convert(err)
	if answer.Code() != codes.Unavailable || len(answer.Details()) > 0 {
		return err
	}
	return status.Errorf(codes.Unavailable, "no server answers at %s: start one with `pixelzoo serve`, or name another "+
		"with PIXELZOO_TARGET; if one runs there, does it want TLS? PIXELZOO_TLS_CA turns it on, and names whom to trust "+
		"(%s)", target, answer.Message())
}
