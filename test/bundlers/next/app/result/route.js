// What the page has found, kept for who asks.

let found = null;

export const dynamic = 'force-dynamic';

export async function POST(request) {
  found = await request.json();
  return Response.json(null);
}

export async function GET() {
  return Response.json(found);
}
